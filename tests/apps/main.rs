//! The program in front of real applications, which come from PyPI: what goes through it is what goes past it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stderr)]

// The bench is the other tests' too, and not all of it is of use here.
#[allow(dead_code, unused_imports)]
#[path = "../integration/support/mod.rs"]
mod support;

mod app; // an application as a process of its own
mod likeness; // whether two responses are the same to a client

mod datasette; // pages that take long to make
mod httpbin; // everything HTTP has, as one application does it
