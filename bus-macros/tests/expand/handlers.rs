impl Users {
    #[cfg(feature = "rename")]
    pub(crate) fn rename(&self, command: Rename, bus: &SyncBus, context: &Context) {
        self.names().rename(command, bus, context)
    }
    fn forget(_: &Forget, users: &Users) {}
    fn forget_too(&self, _: &Forget) {}
    fn names(&self) -> Names {
        Names
    }
}
#[cfg(feature = "rename")]
#[doc(hidden)]
pub(crate) struct __handler_Users_rename;
#[cfg(feature = "rename")]
const _: () = {
    type __Message = <::linkbus::__private::Check<
        { ::linkbus::__private::is_message::<Rename>() },
    > as ::linkbus::__private::Passed<Rename>>::Type;
    type __Dependency0 = <::linkbus::__private::Check<
        { ::linkbus::__private::is_dependency::<Users>() },
    > as ::linkbus::__private::Passed<Users>>::Type;
    impl __handler_Users_rename {
        const REGISTRATION: ::linkbus::__private::Registration = ::linkbus::__private::Registration::Handler(::linkbus::__private::HandlerRegistration {
            facts: ::linkbus::HandlerFacts::new(
                "Users::rename",
                "",
                ::linkbus::__private::Location {
                    file: ::core::file!(),
                    line: ::core::line!(),
                    module: ::core::module_path!(),
                },
                <__Message as ::linkbus::Message>::FACTS,
                false,
                &[::linkbus::Need::of::<__Dependency0>()],
                true,
            ),
            on_bus: ::core::option::Option::None,
            on_sync_bus: ::core::option::Option::Some(
                ::linkbus::__private::Entry::sync::<__Message, __handler_Users_rename>(),
            ),
        });
        #[doc(hidden)]
        pub const LISTED: &'static ::linkbus::__private::Registration = &Self::REGISTRATION;
    }
    impl ::linkbus::__private::SyncHandler<__Message> for __handler_Users_rename {
        type Needs = (::linkbus::__private::Arc<__Dependency0>, ());
        type Bus = ::linkbus::SyncBus;
        const MAY_DISPATCH: bool = true;
        const WANTS_CONTEXT: bool = true;
        ::linkbus::__strict! {
            #[cfg(not(doc))] const SYMBOL : ::core::option::Option <
            ::linkbus::__private::Symbol < ::linkbus::__private::SyncCall < __Message >,
            Self >, > = Rename! { [::linkbus::__call_symbol], __Message,
            __handler_Users_rename };
        }
        #[inline]
        fn call(
            __needs: &Self::Needs,
            __bus: &::linkbus::SyncBus,
            __message: ::linkbus::__private::Delivered<'_, __Message>,
        ) -> ::core::result::Result<
            <__Message as ::linkbus::Message>::Reply,
            <__Message as ::linkbus::Message>::Error,
        > {
            let _ = (__needs, __bus);
            let __context = ::linkbus::Context::of::<__Message>();
            let __outcome = {
                let __entered = __context.enter();
                <Users>::rename(&*__needs.0, __message.by_value(), __bus, &__context)
            };
            ::linkbus::IntoOutcome::<
                <__Message as ::linkbus::Message>::Reply,
                <__Message as ::linkbus::Message>::Error,
            >::into_outcome(__outcome)
        }
    }
    const _: () = ::core::assert!(
        ::linkbus::__private::by_value_fits:: < __Message > (),
        "this subscriber takes its event by value, and the event is not `Clone`: take `&Event`, or derive Clone",
    );
    ::linkbus::__register!(__handler_Users_rename::REGISTRATION);
};
#[doc(hidden)]
struct __handler_Users_forget;
const _: () = {
    type __Message = <::linkbus::__private::Check<
        { ::linkbus::__private::is_message::<Forget>() },
    > as ::linkbus::__private::Passed<Forget>>::Type;
    type __Dependency0 = <::linkbus::__private::Check<
        { ::linkbus::__private::is_dependency::<Users>() },
    > as ::linkbus::__private::Passed<Users>>::Type;
    impl __handler_Users_forget {
        const REGISTRATION: ::linkbus::__private::Registration = ::linkbus::__private::Registration::Handler(::linkbus::__private::HandlerRegistration {
            facts: ::linkbus::HandlerFacts::new(
                "Users::forget",
                "",
                ::linkbus::__private::Location {
                    file: ::core::file!(),
                    line: ::core::line!(),
                    module: ::core::module_path!(),
                },
                <__Message as ::linkbus::Message>::FACTS,
                false,
                &[::linkbus::Need::of::<__Dependency0>()],
                false,
            ),
            on_bus: ::core::option::Option::Some(
                ::linkbus::__private::Entry::sync::<__Message, __handler_Users_forget>(),
            ),
            on_sync_bus: ::core::option::Option::Some(
                ::linkbus::__private::Entry::sync::<__Message, __handler_Users_forget>(),
            ),
        });
        #[doc(hidden)]
        pub const LISTED: &'static ::linkbus::__private::Registration = &Self::REGISTRATION;
    }
    impl ::linkbus::__private::SyncHandler<__Message> for __handler_Users_forget {
        type Needs = (::linkbus::__private::Arc<__Dependency0>, ());
        type Bus = ::linkbus::__private::AnyBus;
        const MAY_DISPATCH: bool = true;
        const WANTS_CONTEXT: bool = false;
        ::linkbus::__strict! {
            #[cfg(not(doc))] const SYMBOL : ::core::option::Option <
            ::linkbus::__private::Symbol < ::linkbus::__private::SyncCall < __Message >,
            Self >, > = Forget! { [::linkbus::__call_symbol], __Message,
            __handler_Users_forget };
        }
        #[inline]
        fn call(
            __needs: &Self::Needs,
            __bus: &::linkbus::__private::AnyBus,
            __message: ::linkbus::__private::Delivered<'_, __Message>,
        ) -> ::core::result::Result<
            <__Message as ::linkbus::Message>::Reply,
            <__Message as ::linkbus::Message>::Error,
        > {
            let _ = (__needs, __bus);
            let __outcome = <Users>::forget(__message.by_ref(), &*__needs.0);
            ::linkbus::IntoOutcome::<
                <__Message as ::linkbus::Message>::Reply,
                <__Message as ::linkbus::Message>::Error,
            >::into_outcome(__outcome)
        }
    }
    const _: () = {
        use ::linkbus::__private::ProbeMessage as _;
        ::core::assert!(
            ! (::linkbus::__private::Probe:: < __Message > ::MESSAGE &&
            ::linkbus::__private::Probe:: < Users > ::MESSAGE),
            "a handler serves one message, its first parameter, and this is another one: write a handler for it",
        );
    };
    ::linkbus::__register!(__handler_Users_forget::REGISTRATION);
};
#[doc(hidden)]
struct __handler_Users_forget_too;
const _: () = {
    type __Message = <::linkbus::__private::Check<
        { ::linkbus::__private::is_message::<Forget>() },
    > as ::linkbus::__private::Passed<Forget>>::Type;
    type __Dependency0 = <::linkbus::__private::Check<
        { ::linkbus::__private::is_dependency::<Users>() },
    > as ::linkbus::__private::Passed<Users>>::Type;
    impl __handler_Users_forget_too {
        const REGISTRATION: ::linkbus::__private::Registration = ::linkbus::__private::Registration::Handler(::linkbus::__private::HandlerRegistration {
            facts: ::linkbus::HandlerFacts::new(
                "Users::forget_too",
                "",
                ::linkbus::__private::Location {
                    file: ::core::file!(),
                    line: ::core::line!(),
                    module: ::core::module_path!(),
                },
                <__Message as ::linkbus::Message>::FACTS,
                false,
                &[::linkbus::Need::of::<__Dependency0>()],
                false,
            ),
            on_bus: ::core::option::Option::Some(
                ::linkbus::__private::Entry::sync::<
                    __Message,
                    __handler_Users_forget_too,
                >(),
            ),
            on_sync_bus: ::core::option::Option::Some(
                ::linkbus::__private::Entry::sync::<
                    __Message,
                    __handler_Users_forget_too,
                >(),
            ),
        });
        #[doc(hidden)]
        pub const LISTED: &'static ::linkbus::__private::Registration = &Self::REGISTRATION;
    }
    impl ::linkbus::__private::SyncHandler<__Message> for __handler_Users_forget_too {
        type Needs = (::linkbus::__private::Arc<__Dependency0>, ());
        type Bus = ::linkbus::__private::AnyBus;
        const MAY_DISPATCH: bool = true;
        const WANTS_CONTEXT: bool = false;
        ::linkbus::__strict! {
            #[cfg(not(doc))] const SYMBOL : ::core::option::Option <
            ::linkbus::__private::Symbol < ::linkbus::__private::SyncCall < __Message >,
            Self >, > = Forget! { [::linkbus::__call_symbol], __Message,
            __handler_Users_forget_too };
        }
        #[inline]
        fn call(
            __needs: &Self::Needs,
            __bus: &::linkbus::__private::AnyBus,
            __message: ::linkbus::__private::Delivered<'_, __Message>,
        ) -> ::core::result::Result<
            <__Message as ::linkbus::Message>::Reply,
            <__Message as ::linkbus::Message>::Error,
        > {
            let _ = (__needs, __bus);
            let __outcome = <Users>::forget_too(&*__needs.0, __message.by_ref());
            ::linkbus::IntoOutcome::<
                <__Message as ::linkbus::Message>::Reply,
                <__Message as ::linkbus::Message>::Error,
            >::into_outcome(__outcome)
        }
    }
    ::linkbus::__register!(__handler_Users_forget_too::REGISTRATION);
};
const _: () = ::core::assert!(
    ! < Forget as ::linkbus::Message > ::FACTS.kind.has_one_handler(),
    "two methods of this `impl` handle this message, and it takes exactly one handler",
);
