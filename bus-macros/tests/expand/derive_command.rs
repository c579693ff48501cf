#[allow(deprecated)]
const _: () = {
    use crate::bus::__private::{
        ProbeClone as _, ProbeDebug as _, ProbeDeserialize as _, ProbeSerialize as _,
    };
    static INDEX: crate::bus::__private::MessageIndex<PlaceOrder> = crate::bus::__private::MessageIndex::new();
    #[automatically_derived]
    impl crate::bus::Message for PlaceOrder {
        type Reply = ();
        type Error = OrderError;
        type Failure = crate::bus::__private::ExecuteError<Self::Error>;
        const FACTS: &'static crate::bus::MessageFacts = &crate::bus::MessageFacts {
            kind: crate::bus::Kind::Command,
            name: "orders.place",
            type_name: ::core::concat!(::core::module_path!(), "::", "PlaceOrder"),
            docs: "",
            location: crate::bus::__private::Location {
                file: ::core::file!(),
                line: ::core::line!(),
                module: ::core::module_path!(),
            },
            fields: &[
                crate::bus::Field {
                    name: "0",
                    secret: false,
                    key: false,
                },
                crate::bus::Field {
                    name: "1",
                    secret: true,
                    key: true,
                },
            ],
            abilities: crate::bus::Abilities {
                clone: crate::bus::__private::Probe::<PlaceOrder>::CLONE.is_some(),
                debug: crate::bus::__private::Probe::<PlaceOrder>::DEBUG.is_some(),
                serialize: crate::bus::__private::Probe::<PlaceOrder>::SERIALIZE
                    .is_some(),
                deserialize: crate::bus::__private::Probe::<PlaceOrder>::DESERIALIZE
                    .is_some(),
                serialize_reply: <PlaceOrder as crate::bus::Message>::SERIALIZE_REPLY
                    .is_some(),
                deserialize_reply: <PlaceOrder as crate::bus::Message>::DESERIALIZE_REPLY
                    .is_some(),
            },
            type_id: ::core::any::TypeId::of::<PlaceOrder>,
            reply: ::core::any::type_name::<<PlaceOrder as crate::bus::Message>::Reply>,
            error: ::core::any::type_name::<<PlaceOrder as crate::bus::Message>::Error>,
            place: crate::bus::__private::Place::of::<PlaceOrder>(),
            revive: crate::bus::__private::revive::<PlaceOrder>(),
            serde: crate::bus::__private::SerdeNames {
                types: &["PlaceOrder"],
                keys: &["0", "1"],
            },
        };
        const CLONE: ::core::option::Option<fn(&Self) -> Self> = crate::bus::__private::Probe::<
            PlaceOrder,
        >::CLONE;
        const DEBUG: ::core::option::Option<crate::bus::__private::DebugFn<Self>> = crate::bus::__private::Probe::<
            PlaceOrder,
        >::DEBUG;
        const SERIALIZE: ::core::option::Option<
            crate::bus::__private::SerializeFn<Self>,
        > = crate::bus::__private::Probe::<PlaceOrder>::SERIALIZE;
        const SERIALIZE_ERROR: ::core::option::Option<
            crate::bus::__private::SerializeFn<Self::Error>,
        > = crate::bus::__private::Probe::<
            <PlaceOrder as crate::bus::Message>::Error,
        >::SERIALIZE;
        const DESERIALIZE_ERROR: ::core::option::Option<
            crate::bus::__private::DeserializeFn<Self::Error>,
        > = crate::bus::__private::Probe::<
            <PlaceOrder as crate::bus::Message>::Error,
        >::DESERIALIZE;
        const DESERIALIZE: ::core::option::Option<
            crate::bus::__private::DeserializeFn<Self>,
        > = crate::bus::__private::Probe::<PlaceOrder>::DESERIALIZE;
        #[inline]
        fn index() -> &'static crate::bus::__private::MessageIndex<Self> {
            &INDEX
        }
        crate::bus::__strict! {
            #[cfg(not(doc))] #[inline] fn linked() -> ::core::option::Option < crate
            ::bus::__private::Linked < Self >> { PlaceOrder! { [crate ::bus::__linked],
            PlaceOrder } }
        }
    }
    #[automatically_derived]
    impl crate::bus::Command for PlaceOrder {}
    #[automatically_derived]
    impl crate::bus::OneHandler for PlaceOrder {}
    crate::bus::__register!(
        crate ::bus::__private::Registration::Message(< PlaceOrder as crate
        ::bus::Message > ::FACTS)
    );
};
crate::bus::__strict! {
    #[cfg(not(doc))] #[doc(hidden)] macro_rules! __linkbus_PlaceOrder_0 { ([$($macro :
    tt)*] $($rest : tt)*) => { $($macro)* ! {
    "command orders.place (PlaceOrder of bus-macros 0.1.0)" $($rest)* } }; }
    #[cfg(not(doc))] #[doc(hidden)] use __linkbus_PlaceOrder_0 as PlaceOrder;
}
