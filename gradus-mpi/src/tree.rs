//! The one binary tree in which the parts of a sum are added, whoever holds them.

use std::ops::Range;

use gradus::Real;

/// The two branches of a node. The lower one is the largest power of two of parts that leaves some to the upper one: so
/// neighbors are added in pairs, then pairs of pairs, and what is left over goes up as it is.
pub(crate) fn branches(node: &Range<usize>) -> [Range<usize>; 2] {
    let middle = node.start + node.len().next_power_of_two() / 2;
    [node.start..middle, middle..node.end]
}

pub(crate) fn is_within(node: &Range<usize>, held: &Range<usize>) -> bool {
    held.start <= node.start && node.end <= held.end
}

pub(crate) fn is_apart(node: &Range<usize>, held: &Range<usize>) -> bool {
    node.end <= held.start || held.end <= node.start
}

/// The largest nodes within `held`, in their order.
pub(crate) fn largest_within(held: &Range<usize>, node: Range<usize>) -> Vec<Range<usize>> {
    if is_apart(&node, held) {
        Vec::new()
    } else if is_within(&node, held) {
        vec![node]
    } else {
        branches(&node).into_iter().flat_map(|branch| largest_within(held, branch)).collect()
    }
}

/// How many sums are kept beside that of a node, while it is added up.
pub(crate) fn levels(node: &Range<usize>) -> usize {
    node.len().next_power_of_two().ilog2() as usize
}

/// Overwrites `sum` with the sum over a node. There are as many levels as [`levels`] says, or more.
pub(crate) fn add_up<T: Real>(
    of_part: &mut dyn FnMut(usize, &mut [T]),
    node: &Range<usize>,
    sum: &mut [T],
    levels: &mut [&mut [T]],
) {
    match levels.split_last_mut() {
        Some((of_upper, levels)) if node.len() > 1 => {
            let [lower, upper] = branches(node);
            add_up(of_part, &lower, sum, levels);
            add_up(of_part, &upper, of_upper, levels);
            add(sum, of_upper);
        }
        _ => of_part(node.start, sum),
    }
}

pub(crate) fn add<T: Real>(sum: &mut [T], other: &[T]) {
    sum.iter_mut().zip(other).for_each(|(sum, &other)| *sum += other);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By pairs, in one process.
    fn in_pairs(parts: usize) -> String {
        let mut row: Vec<String> = (0..parts).map(|part| part.to_string()).collect();
        while row.len() > 1 {
            row = row
                .chunks(2)
                .map(|pair| match pair {
                    [lower, upper] => format!("({lower}+{upper})"),
                    rest => rest[0].clone(),
                })
                .collect();
        }
        row.remove(0)
    }

    fn by_branches(node: &Range<usize>) -> String {
        if node.len() == 1 {
            return node.start.to_string();
        }
        let [lower, upper] = branches(node);
        format!("({}+{})", by_branches(&lower), by_branches(&upper))
    }

    #[test]
    fn f15_the_tree_is_one_of_pairs_for_any_number_of_parts() {
        assert_eq!(by_branches(&(0..6)), "(((0+1)+(2+3))+(4+5))");
        for parts in 1..=40 {
            assert_eq!(by_branches(&(0..parts)), in_pairs(parts));
        }
    }

    #[test]
    fn f15_the_largest_nodes_make_up_what_is_held() {
        assert_eq!(largest_within(&(3..6), 0..8), [3..4, 4..6]);
        assert_eq!(largest_within(&(1..8), 0..8), [1..2, 2..4, 4..8]);
        assert!(largest_within(&(8..8), 0..8).is_empty());
        for parts in 1..=20 {
            for start in 0..parts {
                for end in start + 1..=parts {
                    let nodes = largest_within(&(start..end), 0..parts);
                    assert_eq!(nodes.iter().cloned().flatten().collect::<Vec<_>>(), (start..end).collect::<Vec<_>>());
                    // A node and its neighbor are not the branches of one that is held, too.
                    assert!(nodes.len() <= 2 * (levels(&(0..parts)).max(1)), "{nodes:?} of {parts}");
                }
            }
        }
    }

    #[test]
    fn f15_a_node_is_added_up_in_its_levels() {
        for parts in 1..=20_usize {
            let node = 0..parts;
            let value = |part: usize| [1e16, 1.0, -1e16, 1.0][part % 4] / (part + 1) as f64;
            let mut memory = vec![[0.0]; levels(&node)];
            let mut levels: Vec<&mut [f64]> = memory.iter_mut().map(|level| &mut level[..]).collect();
            let mut sum = [0.0];
            add_up(&mut |part, sum| sum[0] = value(part), &node, &mut sum, &mut levels);
            let mut row: Vec<f64> = node.map(value).collect();
            while row.len() > 1 {
                row = row.chunks(2).map(|pair| pair[1..].iter().fold(pair[0], |a, b| a + b)).collect();
            }
            assert_eq!(sum[0], row[0]);
        }
    }
}
