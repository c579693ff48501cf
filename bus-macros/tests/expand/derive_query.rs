const _: () = {
    use ::linkbus::__private::{
        ProbeClone as _, ProbeDebug as _, ProbeDeserialize as _, ProbeSerialize as _,
    };
    static INDEX: ::linkbus::__private::MessageIndex<GetUser> = ::linkbus::__private::MessageIndex::new();
    #[automatically_derived]
    impl ::linkbus::Message for GetUser {
        type Reply = Option<User>;
        type Error = UserError;
        type Failure = ::linkbus::__private::SendError<Self::Error>;
        const FACTS: &'static ::linkbus::MessageFacts = &::linkbus::MessageFacts {
            kind: ::linkbus::Kind::Query,
            name: "bus_macros.GetUser",
            type_name: ::core::concat!(::core::module_path!(), "::", "GetUser"),
            docs: "Looks a user up.",
            location: ::linkbus::__private::Location {
                file: ::core::file!(),
                line: ::core::line!(),
                module: ::core::module_path!(),
            },
            fields: &[
                ::linkbus::Field {
                    name: "id",
                    secret: false,
                    key: true,
                },
                ::linkbus::Field {
                    name: "token",
                    secret: true,
                    key: false,
                },
            ],
            abilities: ::linkbus::Abilities {
                clone: ::linkbus::__private::Probe::<GetUser>::CLONE.is_some(),
                debug: ::linkbus::__private::Probe::<GetUser>::DEBUG.is_some(),
                serialize: ::linkbus::__private::Probe::<GetUser>::SERIALIZE.is_some(),
                deserialize: ::linkbus::__private::Probe::<GetUser>::DESERIALIZE
                    .is_some(),
                serialize_reply: <GetUser as ::linkbus::Message>::SERIALIZE_REPLY
                    .is_some(),
                deserialize_reply: <GetUser as ::linkbus::Message>::DESERIALIZE_REPLY
                    .is_some(),
            },
            type_id: ::core::any::TypeId::of::<GetUser>,
            reply: ::core::any::type_name::<<GetUser as ::linkbus::Message>::Reply>,
            error: ::core::any::type_name::<<GetUser as ::linkbus::Message>::Error>,
            place: ::linkbus::__private::Place::of::<GetUser>(),
            revive: ::linkbus::__private::revive::<GetUser>(),
            serde: ::linkbus::__private::SerdeNames {
                types: &["GetUser"],
                keys: &["id", "token"],
            },
        };
        const CLONE: ::core::option::Option<fn(&Self) -> Self> = ::linkbus::__private::Probe::<
            GetUser,
        >::CLONE;
        const DEBUG: ::core::option::Option<::linkbus::__private::DebugFn<Self>> = ::linkbus::__private::Probe::<
            GetUser,
        >::DEBUG;
        const SERIALIZE: ::core::option::Option<
            ::linkbus::__private::SerializeFn<Self>,
        > = ::linkbus::__private::Probe::<GetUser>::SERIALIZE;
        const SERIALIZE_REPLY: ::core::option::Option<
            ::linkbus::__private::SerializeFn<Self::Reply>,
        > = ::linkbus::__private::Probe::<
            <GetUser as ::linkbus::Message>::Reply,
        >::SERIALIZE;
        const DESERIALIZE_REPLY: ::core::option::Option<
            ::linkbus::__private::DeserializeFn<Self::Reply>,
        > = ::linkbus::__private::Probe::<
            <GetUser as ::linkbus::Message>::Reply,
        >::DESERIALIZE;
        const SERIALIZE_ERROR: ::core::option::Option<
            ::linkbus::__private::SerializeFn<Self::Error>,
        > = ::linkbus::__private::Probe::<
            <GetUser as ::linkbus::Message>::Error,
        >::SERIALIZE;
        const DESERIALIZE_ERROR: ::core::option::Option<
            ::linkbus::__private::DeserializeFn<Self::Error>,
        > = ::linkbus::__private::Probe::<
            <GetUser as ::linkbus::Message>::Error,
        >::DESERIALIZE;
        const DESERIALIZE: ::core::option::Option<
            ::linkbus::__private::DeserializeFn<Self>,
        > = ::linkbus::__private::Probe::<GetUser>::DESERIALIZE;
        #[inline]
        fn index() -> &'static ::linkbus::__private::MessageIndex<Self> {
            &INDEX
        }
        ::linkbus::__strict! {
            #[cfg(not(doc))] #[inline] fn linked() -> ::core::option::Option <
            ::linkbus::__private::Linked < Self >> { GetUser! { [::linkbus::__linked],
            GetUser } }
        }
    }
    #[automatically_derived]
    impl ::linkbus::Query for GetUser {}
    #[automatically_derived]
    impl ::linkbus::OneHandler for GetUser {}
    ::linkbus::__register!(
        ::linkbus::__private::Registration::Message(< GetUser as ::linkbus::Message >
        ::FACTS)
    );
};
::linkbus::__strict! {
    #[cfg(not(doc))] #[doc(hidden)] #[macro_export] macro_rules! __linkbus_GetUser_0 {
    ([$($macro : tt)*] $($rest : tt)*) => { $($macro)* ! {
    "query bus_macros.GetUser (bus-macros 0.1.0)" $($rest)* } }; } #[cfg(not(doc))]
    #[doc(hidden)] pub use __linkbus_GetUser_0 as GetUser;
}
