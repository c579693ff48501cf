fn charge(charge: Charge) -> Result<(), BankError> {
    bank::charge(charge)
}
#[doc(hidden)]
struct __handler_charge;
const _: () = {
    type __Message = <::linkbus::__private::Check<
        { ::linkbus::__private::is_message::<Charge>() },
    > as ::linkbus::__private::Passed<Charge>>::Type;
    impl __handler_charge {
        const REGISTRATION: ::linkbus::__private::Registration = ::linkbus::__private::Registration::Handler(::linkbus::__private::HandlerRegistration {
            facts: ::linkbus::HandlerFacts::new(
                    "charge",
                    "",
                    ::linkbus::__private::Location {
                        file: ::core::file!(),
                        line: ::core::line!(),
                        module: ::core::module_path!(),
                    },
                    <__Message as ::linkbus::Message>::FACTS,
                    false,
                    &[],
                    true,
                )
                .with(
                    ::linkbus::HandlerSettings::NONE
                        .with_retry(
                            ::core::option::Option::Some(5u32),
                            ::core::option::Option::Some(
                                ::core::time::Duration::new(0u64, 50000000u32),
                            ),
                            ::core::option::Option::None,
                        )
                        .with_timeout(::core::time::Duration::new(1u64, 500000000u32))
                        .with_sends(
                            &[
                                <bank::Balance as ::linkbus::Message>::FACTS,
                                <Charged as ::linkbus::Message>::FACTS,
                            ],
                        ),
                ),
            on_bus: ::core::option::Option::Some(
                ::linkbus::__private::Entry::sync::<__Message, __handler_charge>(),
            ),
            on_sync_bus: ::core::option::Option::Some(
                ::linkbus::__private::Entry::sync::<__Message, __handler_charge>(),
            ),
        });
        #[doc(hidden)]
        pub const LISTED: &'static ::linkbus::__private::Registration = &Self::REGISTRATION;
    }
    impl ::linkbus::__private::SyncHandler<__Message> for __handler_charge {
        type Needs = ();
        type Bus = ::linkbus::__private::AnyBus;
        const MAY_DISPATCH: bool = false;
        const WANTS_CONTEXT: bool = false;
        ::linkbus::__strict! {
            #[cfg(not(doc))] const SYMBOL : ::core::option::Option <
            ::linkbus::__private::Symbol < ::linkbus::__private::SyncCall < __Message >,
            Self >, > = Charge! { [::linkbus::__call_symbol], __Message, __handler_charge
            };
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
            let __outcome = charge(__message.by_value());
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
    const _: () = ::core::assert!(
        < __Message as ::linkbus::Message > ::FACTS.kind.has_one_handler(),
        "an event is never tried again, because some of its subscribers may have succeeded: take `retry` away",
    );
    const _: () = ::core::assert!(
        ::linkbus::__private::can_be_lent:: < __Message > (),
        "the next attempt needs the message, which is not `Clone` and is taken by value: take `&`, or derive Clone",
    );
    ::linkbus::__register!(__handler_charge::REGISTRATION);
};
