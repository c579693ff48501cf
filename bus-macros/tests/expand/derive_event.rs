const _: () = {
    use ::linkbus::__private::{
        ProbeClone as _, ProbeDebug as _, ProbeDeserialize as _, ProbeSerialize as _,
    };
    static INDEX: ::linkbus::__private::MessageIndex<OrderPlaced> = ::linkbus::__private::MessageIndex::new();
    #[automatically_derived]
    impl ::linkbus::Message for OrderPlaced {
        type Reply = ();
        type Error = ::linkbus::AnyError;
        type Failure = ::linkbus::__private::SubscriberFailure;
        const FACTS: &'static ::linkbus::MessageFacts = &::linkbus::MessageFacts {
            kind: ::linkbus::Kind::Event,
            name: "bus_macros.OrderPlaced",
            type_name: ::core::concat!(::core::module_path!(), "::", "OrderPlaced"),
            docs: "",
            location: ::linkbus::__private::Location {
                file: ::core::file!(),
                line: ::core::line!(),
                module: ::core::module_path!(),
            },
            fields: &[],
            abilities: ::linkbus::Abilities {
                clone: ::linkbus::__private::Probe::<OrderPlaced>::CLONE.is_some(),
                debug: ::linkbus::__private::Probe::<OrderPlaced>::DEBUG.is_some(),
                serialize: ::linkbus::__private::Probe::<OrderPlaced>::SERIALIZE
                    .is_some(),
                deserialize: ::linkbus::__private::Probe::<OrderPlaced>::DESERIALIZE
                    .is_some(),
                serialize_reply: <OrderPlaced as ::linkbus::Message>::SERIALIZE_REPLY
                    .is_some(),
                deserialize_reply: <OrderPlaced as ::linkbus::Message>::DESERIALIZE_REPLY
                    .is_some(),
            },
            type_id: ::core::any::TypeId::of::<OrderPlaced>,
            reply: ::core::any::type_name::<<OrderPlaced as ::linkbus::Message>::Reply>,
            error: ::core::any::type_name::<<OrderPlaced as ::linkbus::Message>::Error>,
            place: ::linkbus::__private::Place::of::<OrderPlaced>(),
            revive: ::linkbus::__private::revive::<OrderPlaced>(),
            serde: ::linkbus::__private::SerdeNames {
                types: &["OrderPlaced"],
                keys: &[],
            },
        };
        const CLONE: ::core::option::Option<fn(&Self) -> Self> = ::linkbus::__private::Probe::<
            OrderPlaced,
        >::CLONE;
        const DEBUG: ::core::option::Option<::linkbus::__private::DebugFn<Self>> = ::linkbus::__private::Probe::<
            OrderPlaced,
        >::DEBUG;
        const SERIALIZE: ::core::option::Option<
            ::linkbus::__private::SerializeFn<Self>,
        > = ::linkbus::__private::Probe::<OrderPlaced>::SERIALIZE;
        const DESERIALIZE: ::core::option::Option<
            ::linkbus::__private::DeserializeFn<Self>,
        > = ::linkbus::__private::Probe::<OrderPlaced>::DESERIALIZE;
        #[inline]
        fn index() -> &'static ::linkbus::__private::MessageIndex<Self> {
            &INDEX
        }
    }
    #[automatically_derived]
    impl ::linkbus::Event for OrderPlaced {}
    ::linkbus::__register!(
        ::linkbus::__private::Registration::Message(< OrderPlaced as ::linkbus::Message >
        ::FACTS)
    );
};
::linkbus::__strict! {
    #[cfg(not(doc))] #[doc(hidden)] macro_rules! __linkbus_OrderPlaced_0 { ([$($macro :
    tt)*]) => {
    ::core::compile_error!("an event needs no handler: take it off the list"); };
    ([$($macro : tt)*] $($rest : tt)*) => { ::core::option::Option::None }; }
    #[cfg(not(doc))] #[doc(hidden)] use __linkbus_OrderPlaced_0 as OrderPlaced;
}
