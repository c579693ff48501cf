use crate::registry::Registration;

// The name of the static names the link section, and that is one namespace for the whole program: it carries the crate
// and its major version, so that two versions of linkbus in one program keep apart.
#[linkme::distributed_slice]
pub static LINKBUS_CORE_V0: [Registration];

pub(crate) fn linked() -> impl Iterator<Item = &'static Registration> {
    LINKBUS_CORE_V0.iter()
}

#[doc(hidden)]
#[macro_export]
macro_rules! __register {
    ($registration:expr) => {
        const _: () = {
            #[$crate::__private::linkme::distributed_slice($crate::__private::LINKBUS_CORE_V0)]
            #[linkme(crate = $crate::__private::linkme)]
            static REGISTRATION: $crate::__private::Registration = $registration;
        };
    };
}
