//! What tests of code that uses a bus need: the feature `testing`, for `[dev-dependencies]`.
