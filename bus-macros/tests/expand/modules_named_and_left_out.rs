use ::users as _;
use ::orders as _;
::linkbus::__register!(
    ::linkbus::__private::Registration::Modules(::linkbus::__private::ModuleList {
    location : ::linkbus::__private::Location { file : ::core::file!(), line :
    ::core::line!(), module : ::core::module_path!(), }, written : & ["users", "orders",
    "!billing"], declared : & [::linkbus::__private::ModuleName { name : "users",
    crate_name : "users" }, ::linkbus::__private::ModuleName { name : "orders",
    crate_name : "orders" }], unnamed : & [], })
);
