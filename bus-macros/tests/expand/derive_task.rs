const _: () = {
    use ::linkbus::__private::{
        ProbeClone as _, ProbeDebug as _, ProbeDeserialize as _, ProbeSerialize as _,
    };
    static INDEX: ::linkbus::__private::MessageIndex<Mail> = ::linkbus::__private::MessageIndex::new();
    #[automatically_derived]
    impl ::linkbus::Message for Mail {
        type Reply = ();
        type Error = ::linkbus::AnyError;
        type Failure = ::linkbus::__private::DispatchError<Self::Error>;
        const FACTS: &'static ::linkbus::MessageFacts = &::linkbus::MessageFacts {
            kind: ::linkbus::Kind::Task,
            name: "bus_macros.Mail",
            type_name: ::core::concat!(::core::module_path!(), "::", "Mail"),
            docs: "",
            location: ::linkbus::__private::Location {
                file: ::core::file!(),
                line: ::core::line!(),
                module: ::core::module_path!(),
            },
            fields: &[
                ::linkbus::Field {
                    name: "to",
                    secret: false,
                    key: true,
                },
                ::linkbus::Field {
                    name: "0",
                    secret: false,
                    key: true,
                },
                ::linkbus::Field {
                    name: "1",
                    secret: true,
                    key: false,
                },
            ],
            abilities: ::linkbus::Abilities {
                clone: ::linkbus::__private::Probe::<Mail>::CLONE.is_some(),
                debug: ::linkbus::__private::Probe::<Mail>::DEBUG.is_some(),
                serialize: ::linkbus::__private::Probe::<Mail>::SERIALIZE.is_some(),
                deserialize: ::linkbus::__private::Probe::<Mail>::DESERIALIZE.is_some(),
                serialize_reply: <Mail as ::linkbus::Message>::SERIALIZE_REPLY.is_some(),
                deserialize_reply: <Mail as ::linkbus::Message>::DESERIALIZE_REPLY
                    .is_some(),
            },
            type_id: ::core::any::TypeId::of::<Mail>,
            reply: ::core::any::type_name::<<Mail as ::linkbus::Message>::Reply>,
            error: ::core::any::type_name::<<Mail as ::linkbus::Message>::Error>,
            place: ::linkbus::__private::Place::of::<Mail>(),
            revive: ::linkbus::__private::revive::<Mail>(),
            serde: ::linkbus::__private::SerdeNames {
                types: &["mail", "Goodbye", "bye", "of"],
                keys: &["address", "0", "1"],
            },
        };
        const CLONE: ::core::option::Option<fn(&Self) -> Self> = ::linkbus::__private::Probe::<
            Mail,
        >::CLONE;
        const DEBUG: ::core::option::Option<::linkbus::__private::DebugFn<Self>> = ::linkbus::__private::Probe::<
            Mail,
        >::DEBUG;
        const SERIALIZE: ::core::option::Option<
            ::linkbus::__private::SerializeFn<Self>,
        > = ::linkbus::__private::Probe::<Mail>::SERIALIZE;
        const DESERIALIZE: ::core::option::Option<
            ::linkbus::__private::DeserializeFn<Self>,
        > = ::linkbus::__private::Probe::<Mail>::DESERIALIZE;
        #[inline]
        fn index() -> &'static ::linkbus::__private::MessageIndex<Self> {
            &INDEX
        }
        ::linkbus::__strict! {
            #[cfg(not(doc))] #[inline] fn linked() -> ::core::option::Option <
            ::linkbus::__private::Linked < Self >> { Mail! { [::linkbus::__linked], Mail
            } }
        }
    }
    #[automatically_derived]
    impl ::linkbus::Task for Mail {}
    #[automatically_derived]
    impl ::linkbus::OneHandler for Mail {}
    ::linkbus::__register!(
        ::linkbus::__private::Registration::Message(< Mail as ::linkbus::Message >
        ::FACTS)
    );
};
::linkbus::__strict! {
    #[cfg(not(doc))] #[doc(hidden)] macro_rules! __linkbus_Mail_0 { ([$($macro : tt)*]
    $($rest : tt)*) => { $($macro)* ! { "task bus_macros.Mail (bus-macros 0.1.0)"
    $($rest)* } }; } #[cfg(not(doc))] #[doc(hidden)] use __linkbus_Mail_0 as Mail;
}
