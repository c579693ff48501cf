//! Where a client or a worker finds its hub.

use std::sync::Arc;

use linkbus::Uuid;

use super::{HubPort, Role, Wake, libzmq::ZmqDealer, peer::open_peer};
use crate::{address::Address, error::OpenError};

/// Where a client or a worker finds its hub.
pub(crate) enum Place {
    /// In whatever process that serves the address.
    There(Address),
    /// In this process.
    Here(HubPort),
}

impl Place {
    /// The address, after its folder was looked at.
    pub(crate) fn there(endpoint: Option<String>, is_unencrypted_allowed: bool) -> Result<Self, OpenError> {
        let endpoint = endpoint.unwrap_or_else(Address::of_this_user);
        let address = Address::parse(&endpoint, is_unencrypted_allowed)?;
        address.check_folder()?;
        Ok(Place::There(address))
    }

    /// What it is called in errors.
    pub(crate) fn name(&self) -> String {
        match self {
            Place::There(address) => address.endpoint().to_owned(),
            Place::Here(_) => "this process".to_owned(),
        }
    }

    /// Has a thread work for the role that `make` gives.
    pub(crate) fn open<R: Role + 'static>(
        &self,
        max_frame: usize,
        make: impl FnOnce(Arc<Wake>) -> R,
    ) -> Result<(), OpenError> {
        let id = Uuid::now_v7().into_bytes();
        match self {
            Place::There(address) => {
                let opened = open_peer(|_| ZmqDealer::connect(address.endpoint(), &id, max_frame), make);
                opened.map_err(|error| address.fault(error))
            }
            Place::Here(hub) => {
                hub.join(id, make);
                Ok(())
            }
        }
    }
}
