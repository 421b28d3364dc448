//! One source file with all of its mutants in it, each behind its switch.

use std::ops::Range;

use proc_macro2::{LineColumn, Span};
use quote::ToTokens;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{BinOp, Block, Expr, Signature, UnOp};

/// A mutant as cargo-mutants lists it.
pub struct Mutant {
    pub file: String,
    pub name: String,
    /// Name without line and column, and which of those of this name it is: what another change leaves alone.
    pub key: String,
    pub genre: String,
    pub start: LineColumn,
    pub replacement: String,
}

/// A place of the source where mutants are; `whole` is what is rewritten, nothing where something is put in.
struct Site {
    whole: Range<usize>,
    form: Form,
    mutants: Vec<usize>,
}

enum Form {
    /// Before the first statement of a function: an early return.
    Body,
    Binary {
        left: Range<usize>,
        operator: Range<usize>,
        right: Range<usize>,
    },
    Unary {
        operand: Range<usize>,
    },
    /// Behind the pattern of an arm: a guard that the mutant closes.
    Arm,
    Guard,
    /// The value of a field, whose struct has a base.
    Field {
        shorthand: bool,
        name: String,
        base: Range<usize>,
    },
}

/// The places of a file, outer ones before those in them.
pub struct Schema {
    text: String,
    sites: Vec<Site>,
}

impl Schema {
    /// Of the mutants, given by their numbers, those of this file that a switch can be put before.
    pub fn new(text: String, mutants: &[(usize, &Mutant)]) -> syn::Result<Self> {
        let file = syn::parse_file(&text)?;
        let mut finder = Finder { mutants, constant: 0, sites: Vec::new() };
        finder.visit_file(&file);
        let mut sites = finder.sites;
        sites.sort_by_key(|site| (site.whole.start, !site.whole.is_empty(), std::cmp::Reverse(site.whole.end)));
        Ok(Self { text, sites })
    }

    /// The numbers of the mutants that have a place.
    pub fn switchable(&self) -> impl Iterator<Item = usize> {
        self.sites.iter().flat_map(|site| site.mutants.iter().copied())
    }

    /// The source with those mutants that are `chosen`, each between `/*<n*/` and `/*n>*/`.
    pub fn render(&self, mutants: &[Mutant], chosen: &dyn Fn(usize) -> bool) -> String {
        self.part(0..self.text.len(), 0, mutants, chosen)
    }

    fn part(&self, range: Range<usize>, first: usize, mutants: &[Mutant], chosen: &dyn Fn(usize) -> bool) -> String {
        let (mut out, mut place) = (String::new(), range.start);
        for (index, site) in self.sites.iter().enumerate().skip(first) {
            let on: Vec<usize> = site.mutants.iter().copied().filter(|&number| chosen(number)).collect();
            if on.is_empty() || site.whole.start < place || site.whole.end > range.end {
                continue;
            }
            out += &self.text[place..site.whole.start];
            out += &self.switched(site, index, &on, mutants, chosen);
            place = site.whole.end;
        }
        out + &self.text[place..range.end]
    }

    fn switched(
        &self,
        site: &Site,
        index: usize,
        on: &[usize],
        mutants: &[Mutant],
        chosen: &dyn Fn(usize) -> bool,
    ) -> String {
        let text = |range: &Range<usize>| &self.text[range.clone()];
        let switched = |range: &Range<usize>| self.part(range.clone(), index + 1, mutants, chosen);
        let mut out = String::new();
        match &site.form {
            Form::Body => {
                for &number in on {
                    let value = marked(number, &mutants[number].replacement);
                    out += &format!("if crate::mutants::on({number}) {{ return {value}; }} ");
                }
                return out;
            }
            Form::Arm => return format!(" {} ", marked(on[0], &format!("if !crate::mutants::on({})", on[0]))),
            Form::Field { shorthand: true, name, .. } => out += &format!("{name}: "),
            _ => (),
        }
        out += "(";
        for &number in on {
            let replacement = &mutants[number].replacement;
            let mutated = match &site.form {
                Form::Binary { left, right, .. } => format!("({}) {replacement} ({})", text(left), text(right)),
                Form::Unary { operand } => format!("({})", text(operand)),
                Form::Field { base, name, .. } => format!("({}).{name}", text(base)),
                Form::Guard | Form::Body | Form::Arm => replacement.clone(),
            };
            out += &format!("if crate::mutants::on({number}) {{ {} }} else ", marked(number, &mutated));
        }
        let otherwise = match &site.form {
            Form::Binary { left, operator, right } => {
                format!("{} {} {}", switched(left), text(operator), switched(right))
            }
            Form::Unary { operand } => format!("{}{}", &self.text[site.whole.start..operand.start], switched(operand)),
            _ => switched(&site.whole),
        };
        // A statement may begin with a block, which would end it.
        out + &format!("{{ ({otherwise}) }})")
    }
}

fn marked(number: usize, text: &str) -> String {
    format!("/*<{number}*/{text}/*{number}>*/")
}

/// The mutants of a rewritten source whose text a range of bytes touches; where a `match` is not exhaustive, which
/// begins there, the next one that takes an arm away.
pub fn mutants_at(text: &str, range: Range<usize>, not_exhaustive: bool) -> Vec<usize> {
    let mut found = Vec::new();
    for (start, _) in text.match_indices("/*<") {
        let Some(number) = text[start + 3..].split("*/").next().and_then(|number| number.parse().ok()) else {
            continue;
        };
        let end = text[start..].find(&format!("/*{number}>*/")).map_or(text.len(), |length| start + length);
        let is_arm = || text[start..].starts_with(&format!("/*<{number}*/if !"));
        if not_exhaustive && start > range.start && is_arm() {
            return vec![number];
        } else if start < range.end && range.start < end {
            found.push(number);
        }
    }
    found
}

struct Finder<'a> {
    mutants: &'a [(usize, &'a Mutant)],
    /// How many constants, and functions of them, we are in: these are evaluated before any switch is set.
    constant: usize,
    sites: Vec<Site>,
}

impl Finder<'_> {
    fn add(&mut self, genre: &str, at: Span, whole: Range<usize>, form: Form) {
        let is_here = |mutant: &Mutant| mutant.genre == genre && mutant.start == at.start();
        let mutants: Vec<usize> =
            self.mutants.iter().filter(|(_, mutant)| is_here(mutant)).map(|(number, _)| *number).collect();
        if self.constant == 0 && !mutants.is_empty() {
            self.sites.push(Site { whole, form, mutants });
        }
    }

    fn function(&mut self, signature: &Signature, block: &Block, visit: impl FnOnce(&mut Self)) {
        let constant = usize::from(signature.constness.is_some());
        self.constant += constant;
        // Of an `impl Trait` the first value returned is the type.
        let opaque = signature.output.to_token_stream().into_iter().any(|token| token.to_string() == "impl");
        if let Some(first) = block.stmts.first().filter(|_| !opaque) {
            let start = first.span().byte_range().start;
            self.add("FnValue", first.span(), start..start, Form::Body);
        }
        visit(self);
        self.constant -= constant;
    }

    fn in_constant(&mut self, visit: impl FnOnce(&mut Self)) {
        self.constant += 1;
        visit(self);
        self.constant -= 1;
    }
}

impl<'ast> Visit<'ast> for Finder<'_> {
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.function(&item.sig, &item.block, |finder| visit::visit_item_fn(finder, item));
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.function(&item.sig, &item.block, |finder| visit::visit_impl_item_fn(finder, item));
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        if let Some(block) = &item.default {
            self.function(&item.sig, block, |finder| visit::visit_trait_item_fn(finder, item));
        }
    }

    fn visit_item_const(&mut self, item: &'ast syn::ItemConst) {
        self.in_constant(|finder| visit::visit_item_const(finder, item));
    }

    fn visit_item_static(&mut self, item: &'ast syn::ItemStatic) {
        self.in_constant(|finder| visit::visit_item_static(finder, item));
    }

    fn visit_impl_item_const(&mut self, item: &'ast syn::ImplItemConst) {
        self.in_constant(|finder| visit::visit_impl_item_const(finder, item));
    }

    fn visit_trait_item_const(&mut self, item: &'ast syn::TraitItemConst) {
        self.in_constant(|finder| visit::visit_trait_item_const(finder, item));
    }

    fn visit_expr_const(&mut self, item: &'ast syn::ExprConst) {
        self.in_constant(|finder| visit::visit_expr_const(finder, item));
    }

    fn visit_type(&mut self, item: &'ast syn::Type) {
        self.in_constant(|finder| visit::visit_type(finder, item));
    }

    fn visit_pat(&mut self, item: &'ast syn::Pat) {
        self.in_constant(|finder| visit::visit_pat(finder, item));
    }

    fn visit_generic_argument(&mut self, item: &'ast syn::GenericArgument) {
        self.in_constant(|finder| visit::visit_generic_argument(finder, item));
    }

    fn visit_expr_repeat(&mut self, item: &'ast syn::ExprRepeat) {
        self.visit_expr(&item.expr);
        self.in_constant(|finder| finder.visit_expr(&item.len));
    }

    fn visit_expr_binary(&mut self, item: &'ast syn::ExprBinary) {
        // `if let … && …` is no expression that could stand elsewhere.
        let chain = matches!(item.op, BinOp::And(_)) && (binds(&item.left) || binds(&item.right));
        if !chain {
            let (left, right) = (item.left.span().byte_range(), item.right.span().byte_range());
            let operator = item.op.span().byte_range();
            let whole = left.start..right.end;
            self.add("BinaryOperator", item.op.span(), whole, Form::Binary { left, operator, right });
        }
        visit::visit_expr_binary(self, item);
    }

    fn visit_expr_unary(&mut self, item: &'ast syn::ExprUnary) {
        if matches!(item.op, UnOp::Not(_) | UnOp::Neg(_)) {
            let form = Form::Unary { operand: item.expr.span().byte_range() };
            self.add("UnaryOperator", item.op.span(), item.span().byte_range(), form);
        }
        visit::visit_expr_unary(self, item);
    }

    fn visit_arm(&mut self, item: &'ast syn::Arm) {
        if let Some((_, guard)) = &item.guard {
            self.add("MatchArmGuard", guard.span(), guard.span().byte_range(), Form::Guard);
        } else {
            let end = item.pat.span().byte_range().end;
            self.add("MatchArm", item.span(), end..end, Form::Arm);
        }
        visit::visit_arm(self, item);
    }

    fn visit_expr_struct(&mut self, item: &'ast syn::ExprStruct) {
        if let Some(base) = &item.rest {
            for field in &item.fields {
                if let syn::Member::Named(name) = &field.member {
                    let form = Form::Field {
                        shorthand: field.colon_token.is_none(),
                        name: name.to_string(),
                        base: base.span().byte_range(),
                    };
                    self.add("StructField", field.span(), field.expr.span().byte_range(), form);
                }
            }
        }
        visit::visit_expr_struct(self, item);
    }
}

/// Whether a condition binds names, which a parenthesis would not let out.
fn binds(condition: &Expr) -> bool {
    match condition {
        Expr::Let(_) => true,
        Expr::Binary(both) => binds(&both.left) || binds(&both.right),
        _ => false,
    }
}
