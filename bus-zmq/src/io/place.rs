//! Where a client or a worker finds its hub.

use std::sync::Arc;

use linkbus::Uuid;

#[cfg(feature = "curve")]
use super::omq::OmqDealer;
use super::{HubPort, Role, Wake, libzmq::ZmqDealer, peer::open_peer};
use crate::{address::Address, curve::CurveClient, error::OpenError};

/// Where a client or a worker finds its hub.
pub(crate) enum Place {
    /// In whatever process that serves the address.
    There(Address, Option<CurveClient>),
    /// In this process.
    Here(HubPort),
}

impl Place {
    /// What it is called in errors.
    pub(crate) fn name(&self) -> String {
        match self {
            Place::There(address, _) => address.endpoint().to_owned(),
            Place::Here(_) => "this process".to_owned(),
        }
    }

    /// Has a thread work for the role that `make` gives.
    pub(crate) fn open<R: Role + 'static>(self, make: impl FnOnce(Arc<Wake>) -> R) -> Result<(), OpenError> {
        let id = Uuid::now_v7().into_bytes();
        let (address, curve) = match self {
            Place::There(address, curve) => (address, curve),
            Place::Here(hub) => {
                hub.join(id, make);
                return Ok(());
            }
        };
        let endpoint = address.endpoint();
        let opened = match curve {
            None => open_peer(|_| ZmqDealer::connect(endpoint, &id), make),
            #[cfg(feature = "curve")]
            Some(curve) => open_peer(|wake| OmqDealer::connect(endpoint, &id, &curve, wake), make),
        };
        opened.map_err(|error| address.fault(error))
    }
}
