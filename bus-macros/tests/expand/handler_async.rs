async fn place_order(
    order: PlaceOrder,
    orders: &Orders,
    bus: &Bus,
    context: &Context,
) -> Result<(), OrderError> {
    orders.place(order, context.id(), bus).await
}
#[doc(hidden)]
struct __handler_place_order;
const _: () = {
    type __Message = <::linkbus::__private::Check<
        { ::linkbus::__private::is_message::<PlaceOrder>() },
    > as ::linkbus::__private::Passed<PlaceOrder>>::Type;
    type __Dependency0 = <::linkbus::__private::Check<
        { ::linkbus::__private::is_dependency::<Orders>() },
    > as ::linkbus::__private::Passed<Orders>>::Type;
    impl __handler_place_order {
        const REGISTRATION: ::linkbus::__private::Registration = ::linkbus::__private::Registration::Handler(::linkbus::__private::HandlerRegistration {
            facts: ::linkbus::HandlerFacts::new(
                "place_order",
                "",
                ::linkbus::__private::Location {
                    file: ::core::file!(),
                    line: ::core::line!(),
                    module: ::core::module_path!(),
                },
                <__Message as ::linkbus::Message>::FACTS,
                true,
                &[::linkbus::Need::of::<__Dependency0>()],
                true,
            ),
            on_bus: ::core::option::Option::Some(
                ::linkbus::__private::Entry::asynchronous::<
                    __Message,
                    __handler_place_order,
                >(),
            ),
            on_sync_bus: ::core::option::Option::None,
        });
        #[doc(hidden)]
        pub const LISTED: &'static ::linkbus::__private::Registration = &Self::REGISTRATION;
    }
    impl ::linkbus::__private::AsyncHandler<__Message> for __handler_place_order {
        type Needs = (::linkbus::__private::Arc<__Dependency0>, ());
        const MAY_DISPATCH: bool = true;
        const WANTS_CONTEXT: bool = true;
        ::linkbus::__strict! {
            #[cfg(not(doc))] const SYMBOL : ::core::option::Option <
            ::linkbus::__private::Symbol < ::linkbus::__private::AsyncCall < __Message >,
            Self >, > = PlaceOrder! { [::linkbus::__start_symbol], __Message,
            __handler_place_order };
        }
        #[inline]
        fn call<'__call>(
            __needs: &'__call Self::Needs,
            __bus: &'__call ::linkbus::Bus,
            __message: ::linkbus::__private::Delivered<'__call, __Message>,
        ) -> impl ::core::future::Future<
            Output = ::core::result::Result<
                <__Message as ::linkbus::Message>::Reply,
                <__Message as ::linkbus::Message>::Error,
            >,
        > + '__call + ::core::marker::Send {
            async move {
                let _ = (__needs, __bus);
                let __context = ::linkbus::Context::of::<__Message>();
                let __outcome = __context
                    .scope(
                        ::core::pin::pin!(
                            place_order(__message.by_value(), & * __needs.0, __bus, &
                            __context)
                        ),
                    )
                    .await;
                ::linkbus::IntoOutcome::<
                    <__Message as ::linkbus::Message>::Reply,
                    <__Message as ::linkbus::Message>::Error,
                >::into_outcome(__outcome)
            }
        }
    }
    const _: () = ::core::assert!(
        ::linkbus::__private::by_value_fits:: < __Message > (),
        "this subscriber takes its event by value, and the event is not `Clone`: take `&Event`, or derive Clone",
    );
    const _: () = {
        use ::linkbus::__private::ProbeMessage as _;
        ::core::assert!(
            ! (::linkbus::__private::Probe:: < __Message > ::MESSAGE &&
            ::linkbus::__private::Probe:: < Orders > ::MESSAGE),
            "a handler serves one message, its first parameter, and this is another one: write a handler for it",
        );
    };
    ::linkbus::__register!(__handler_place_order::REGISTRATION);
};
