use crate::registry::Registration;

// The name of the static names the link section, and that is one namespace for the whole program: it carries the crate
// and what cargo takes for its major version, so that two versions of linkbus in one program keep apart.
#[linkme::distributed_slice]
pub static LINKBUS_CORE_V0_1: [Registration];

const _: () = assert!(
    matches!(env!("CARGO_PKG_VERSION_MAJOR").as_bytes(), b"0")
        && matches!(env!("CARGO_PKG_VERSION_MINOR").as_bytes(), b"1"),
    "a new version that is not compatible with the last: name the link section after it",
);

pub(crate) fn linked() -> impl Iterator<Item = &'static Registration> {
    LINKBUS_CORE_V0_1.iter()
}

#[doc(hidden)]
#[macro_export]
macro_rules! __register {
    ($registration:expr) => {
        const _: () = {
            #[$crate::__private::linkme::distributed_slice($crate::__private::LINKBUS_CORE_V0_1)]
            #[linkme(crate = $crate::__private::linkme)]
            static REGISTRATION: $crate::__private::Registration = $registration;
        };
    };
}
