//! What must be refused, and what must never panic or grow.

mod bad_input;
mod bad_input_index;
mod found_by_fuzzing;
mod fuzz;
mod no_panic;
mod soak;
