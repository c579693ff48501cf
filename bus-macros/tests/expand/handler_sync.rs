/// Looks a user up.
pub fn get_user(query: &GetUser, users: &dyn Users) -> Result<User, UserError> {
    users.find(query.id)
}
#[doc(hidden)]
pub struct __handler_get_user;
const _: () = {
    type __Message = <::linkbus::__private::Check<
        { ::linkbus::__private::is_message::<GetUser>() },
    > as ::linkbus::__private::Passed<GetUser>>::Type;
    type __Dependency0 = <::linkbus::__private::Check<
        { ::linkbus::__private::is_dyn_dependency::<dyn Users>() },
    > as ::linkbus::__private::Passed<dyn Users>>::Type;
    impl __handler_get_user {
        const REGISTRATION: ::linkbus::__private::Registration = ::linkbus::__private::Registration::Handler(::linkbus::__private::HandlerRegistration {
            facts: ::linkbus::HandlerFacts::new(
                "get_user",
                "Looks a user up.",
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
                ::linkbus::__private::Entry::sync::<__Message, __handler_get_user>(),
            ),
            on_sync_bus: ::core::option::Option::Some(
                ::linkbus::__private::Entry::sync::<__Message, __handler_get_user>(),
            ),
        });
        #[doc(hidden)]
        pub const LISTED: &'static ::linkbus::__private::Registration = &Self::REGISTRATION;
    }
    impl ::linkbus::__private::SyncHandler<__Message> for __handler_get_user {
        type Needs = (::linkbus::__private::Arc<__Dependency0>, ());
        type Bus = ::linkbus::__private::AnyBus;
        const MAY_DISPATCH: bool = true;
        const WANTS_CONTEXT: bool = false;
        ::linkbus::__strict! {
            #[cfg(not(doc))] const SYMBOL : ::core::option::Option <
            ::linkbus::__private::Symbol < ::linkbus::__private::SyncCall < __Message >,
            Self >, > = GetUser! { [::linkbus::__call_symbol], __Message,
            __handler_get_user };
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
            let __outcome = get_user(__message.by_ref(), &*__needs.0);
            ::linkbus::IntoOutcome::<
                <__Message as ::linkbus::Message>::Reply,
                <__Message as ::linkbus::Message>::Error,
            >::into_outcome(__outcome)
        }
    }
    ::linkbus::__register!(__handler_get_user::REGISTRATION);
};
