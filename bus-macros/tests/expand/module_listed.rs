/// What this crate registers on a bus.
pub const MODULE: ::linkbus::Module = ::linkbus::Module::listed(
    ::linkbus::__private::crate_of(::core::module_path!()),
    &[
        &::linkbus::__private::Registration::Message(
            <GetUser as ::linkbus::Message>::FACTS,
        ),
        &::linkbus::__private::Registration::Message(
            <mail::Mail as ::linkbus::Message>::FACTS,
        ),
        <__handler_get_user>::LISTED,
        <orders::__handler_Orders_place>::LISTED,
    ],
);
