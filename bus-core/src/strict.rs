//! The feature `strict-link`: what the macros write so that the linker knows each handler by the name of its message.
//!
//! A derive makes a macro of the same name as the message, so that whoever can name the message can ask it for the text of
//! its symbols. The linker shows that text when a symbol is missing, or there twice.
//!
//! The attributes are `unsafe` because two symbols of one name could be taken for each other. These cannot do harm: a
//! dispatch believes no symbol (see `Linked`), and no other code calls one. They are written here, so that a
//! crate that forbids unsafe code may use the macros: the lint passes over what another crate's macro wrote. So they hold
//! only names, and calls of functions whose unsafe code is in `dispatch/erased`.

/// Its argument, with the feature `strict-link`.
#[cfg(feature = "strict-link")]
#[doc(hidden)]
#[macro_export]
macro_rules! __strict {
    ($($item:tt)*) => { $($item)* };
}

/// Its argument, with the feature `strict-link`.
#[cfg(not(feature = "strict-link"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __strict {
    ($($item:tt)*) => {};
}

/// The body of `Message::linked`.
#[doc(hidden)]
#[macro_export]
macro_rules! __linked {
    ($name:literal , $message:ty) => {{
        unsafe extern "Rust" {
            #[link_name = concat!("linkbus: a #[handler] fn for ", $name)]
            unsafe fn call(
                bound: $crate::__private::Opaque<'_>,
                bus: $crate::__private::Opaque<'_>,
                message: $message,
            ) -> $crate::__private::Outcome<$message>;
            #[link_name = concat!("linkbus: a #[handler] async fn for ", $name)]
            unsafe fn start<'a>(
                bound: $crate::__private::Opaque<'a>,
                bus: $crate::__private::Opaque<'a>,
                message: $message,
            ) -> $crate::__private::BoxFuture<'a, $crate::__private::Returned<$message>>;
        }
        ::core::option::Option::Some($crate::__private::Linked::new(call, start))
    }};
}

/// The symbols of a synchronous handler: the value of `SyncHandler::SYMBOL`.
#[doc(hidden)]
#[macro_export]
macro_rules! __call_symbol {
    ($name:literal , $message:ty, $handler:ty) => {{
        #[used]
        #[unsafe(export_name = concat!("linkbus: the one #[handler] for ", $name))]
        static ONE: u8 = 0;

        #[unsafe(export_name = concat!("linkbus: a #[handler] fn for ", $name))]
        unsafe fn call(
            bound: $crate::__private::Opaque<'_>,
            bus: $crate::__private::Opaque<'_>,
            message: $message,
        ) -> $crate::__private::Outcome<$message> {
            // SAFETY: the caller owes the same.
            unsafe { $crate::__private::sync_call::<$message, $handler>(bound, bus, message) }
        }

        #[unsafe(export_name = concat!("linkbus: a #[handler] async fn for ", $name))]
        fn start() {
            $crate::__private::not_linked()
        }

        // SAFETY: it calls `sync_call` of this handler with what it was called with.
        ::core::option::Option::Some(unsafe { $crate::__private::Symbol::<_, $handler>::new(call as _) })
    }};
}

/// The symbols of an asynchronous handler: the value of `AsyncHandler::SYMBOL`.
#[doc(hidden)]
#[macro_export]
macro_rules! __start_symbol {
    ($name:literal , $message:ty, $handler:ty) => {{
        #[used]
        #[unsafe(export_name = concat!("linkbus: the one #[handler] for ", $name))]
        static ONE: u8 = 0;

        #[unsafe(export_name = concat!("linkbus: a #[handler] fn for ", $name))]
        fn call() {
            $crate::__private::not_linked()
        }

        #[unsafe(export_name = concat!("linkbus: a #[handler] async fn for ", $name))]
        unsafe fn start<'a>(
            bound: $crate::__private::Opaque<'a>,
            bus: $crate::__private::Opaque<'a>,
            message: $message,
        ) -> $crate::__private::BoxFuture<'a, $crate::__private::Returned<$message>> {
            // SAFETY: the caller owes the same.
            unsafe { $crate::__private::async_call::<$message, $handler>(bound, bus, message) }
        }

        // SAFETY: it calls `async_call` of this handler with what it was called with.
        ::core::option::Option::Some(unsafe { $crate::__private::Symbol::<_, $handler>::new(start as _) })
    }};
}

/// The symbols of a message that has no handler.
#[doc(hidden)]
#[macro_export]
macro_rules! __without_handler {
    ($name:literal) => {
        const _: () = {
            #[used]
            #[unsafe(export_name = concat!("linkbus: the one #[handler] for ", $name))]
            static ONE: u8 = 0;

            #[unsafe(export_name = concat!("linkbus: a #[handler] fn for ", $name))]
            fn call() {
                $crate::__private::not_linked()
            }

            #[unsafe(export_name = concat!("linkbus: a #[handler] async fn for ", $name))]
            fn start() {
                $crate::__private::not_linked()
            }
        };
    };
}

/// Says that a program has no `#[handler]` for these messages, so that the linker does not ask for one.
///
/// Only with the feature `strict-link`, and where a dispatch of the message can be reached, is there anything to say; without the
/// feature it says nothing. It is for messages that a closure on the builder serves, or nobody. That a bus
/// has a handler for each message is still checked by `build()`. A message that has a `#[handler]` after all has two, and the
/// linker refuses it.
///
/// ```
/// use linkbus::{Query, SyncBus};
///
/// #[derive(Query)]
/// #[query(reply = u32)]
/// struct Double(u32);
///
/// linkbus::without_handlers!(Double);
///
/// let bus = SyncBus::empty().query(|query: Double| query.0 * 2).build()?;
/// assert_eq!(bus.send(Double(21))?, 42);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[macro_export]
macro_rules! without_handlers {
    ($($($segment:ident)::+),+ $(,)?) => {
        $($crate::__strict! { #[cfg(not(doc))] $($segment)::+ ! { [$crate::__without_handler] } })+
    };
}
