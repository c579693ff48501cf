use crate::registry::Registration;

/// What `inventory` collects: it wants a type of our own.
pub struct Submission(pub &'static Registration);

inventory::collect!(Submission);

pub(crate) fn linked() -> impl Iterator<Item = &'static Registration> {
    inventory::iter::<Submission>.into_iter().map(|submission| submission.0)
}

#[doc(hidden)]
#[macro_export]
macro_rules! __register {
    ($registration:expr) => {
        const _: () = {
            static REGISTRATION: $crate::__private::Registration = $registration;
            $crate::__private::inventory::submit! { $crate::__private::Submission(&REGISTRATION) }
        };
    };
}
