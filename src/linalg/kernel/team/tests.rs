use super::*;

/// As on a machine of so many processors.
fn set_threads(threads: usize) {
    team().processors.store(threads, Ordering::Relaxed);
    super::set_threads(threads);
}

#[test]
fn each_item_is_worked_on_once() {
    set_threads(4);
    for round in 0..20_000 {
        // Helpers sleep now and then.
        if round % 4_000 == 0 {
            thread::sleep(Duration::from_millis(5));
        }
        let mut items = [0_usize; 11];
        let count = 2 + round % 10;
        for_each(&mut items[..count], |item| *item += 1);
        assert!(items[..count].iter().all(|&item| item == 1) && items[count..].iter().all(|&item| item == 0));
    }
}

#[test]
fn a_panic_reaches_the_caller_and_leaves_a_team_that_works() {
    set_threads(4);
    for bad in 0..8 {
        let begun = AtomicUsize::new(0);
        let result = catch_unwind(AssertUnwindSafe(|| {
            for_each(&mut [0, 1, 2, 3, 4, 5, 6, 7], |item| {
                begun.fetch_add(1, Ordering::Relaxed);
                assert_ne!(*item, bad);
            });
        }));
        assert!(result.is_err());
        let mut items = [0; 8];
        for_each(&mut items, |item| *item += 1);
        assert_eq!(items, [1; 8]);
    }
}

#[test]
fn jobs_within_jobs_are_done() {
    set_threads(3);
    let mut items = [[0; 5]; 6];
    for_each(&mut items, |inner| for_each(inner, |item| *item += 1));
    assert_eq!(items, [[1; 5]; 6]);
}
