/// What this crate registers on a bus.
pub const MODULE: ::linkbus::Module = ::linkbus::Module::linked(
    ::linkbus::__private::crate_of(::core::module_path!()),
);
