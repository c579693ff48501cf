//! Many processes on one machine: the transport of linkbus over ZeroMQ.

pub mod protocol;
