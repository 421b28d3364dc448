//! Networks and what trains them: layers, losses, objectives, optimizers, schedules, the training loop.

mod allocations;
mod api;
mod bad_networks;
mod bad_training;
mod classification;
mod common;
#[path = "../../src/counted.rs"]
mod counted;
mod golden;
mod gradients;
mod model;
mod network;
mod objectives;
mod optimizers;
mod pytorch;
mod sabotage;
mod schedules;
mod silent_answers;
mod textbook;
mod training;
