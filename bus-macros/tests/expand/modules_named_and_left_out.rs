use ::users as _;
use ::orders as _;
::linkbus::__register!(
    ::linkbus::__private::Registration::Modules(::linkbus::__private::ModuleList {
    location : ::linkbus::__private::Location { file : ::core::file!(), line :
    ::core::line!(), module : ::core::module_path!(), }, declared : & ["users",
    "orders"], unnamed : & [], })
);
