//! What clients and workers have in common: how they reach their hub.

use crate::{address::Address, curve::CurveClient, error::OpenError, hub::ZmqHub, io::Place};

/// How a client or a worker reaches its hub.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reach {
    pub(crate) endpoint: Option<String>,
    pub(crate) is_unencrypted_allowed: bool,
    pub(crate) curve: Option<CurveClient>,
}

impl Reach {
    /// The hub at the endpoint, of which the folder was looked at.
    pub(crate) fn there(self) -> Result<Place, OpenError> {
        let endpoint = self.endpoint.unwrap_or_else(Address::of_this_user);
        let address = match self.curve {
            Some(_) => Address::parse_encrypted(&endpoint),
            None => Address::parse(&endpoint, self.is_unencrypted_allowed),
        }?;
        address.check_folder()?;
        Ok(Place::There(address, self.curve))
    }

    /// The hub of this process.
    pub(crate) fn here(hub: &ZmqHub) -> Place {
        Place::Here(hub.port().clone())
    }
}

/// The options of a builder that has a [`Reach`] by this name.
macro_rules! reaches_a_hub {
    () => {
        /// Where the hub is: `ipc:///run/shop/bus`, `tcp://127.0.0.1:5555`. Default: as for
        /// [`HubBuilder::endpoint`](crate::HubBuilder::endpoint).
        pub fn endpoint(mut self, endpoint: impl Into<String>) -> Self {
            self.reach.endpoint = Some(endpoint.into());
            self
        }

        /// Connects to a hub of another machine, although everybody on the way can read and change what is sent.
        pub fn dangerously_without_encryption(mut self) -> Self {
            self.reach.is_unencrypted_allowed = true;
            self
        }

        /// Connects to a hub that has [keys](crate::HubBuilder::curve), on whatever machine: [`Curve::client`](crate::Curve::client).
        #[cfg(feature = "curve")]
        pub fn curve(mut self, curve: crate::CurveClient) -> Self {
            self.reach.curve = Some(curve);
            self
        }
    };
}

pub(crate) use reaches_a_hub;
