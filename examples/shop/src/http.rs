//! The HTTP API: a route for each request, JSON in both directions.

mod problem;
mod routes;
mod serve;

pub use self::{problem::Problem, routes::router, serve::serve};
