//! What each macro writes, compared with `tests/expand/*.rs`. `BLESS=1 cargo test -p bus-macros` rewrites those files.

use std::{fs, path::Path};

use proc_macro2::TokenStream;
use quote::quote;

use crate::{
    handler,
    message::{self, Kind},
    module, modules,
};

fn assert_snapshot(name: &str, expansion: TokenStream) {
    let file = syn::parse2(expansion).expect("an expansion is a list of items");
    let written = prettyplease::unparse(&file);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/expand").join(name).with_extension("rs");
    if std::env::var_os("BLESS").is_some() {
        fs::write(&path, &written).expect("the snapshot can be written");
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    assert!(written == expected, "{} is not what the macro writes:\n{written}", path.display());
}

#[test]
fn derive_query() {
    let input = quote! {
        /// Looks a user up.
        #[derive(Query, Clone)]
        #[query(reply = Option<User>, error = UserError)]
        pub struct GetUser {
            #[bus(key)]
            id: UserId,
            #[bus(secret)]
            r#token: String,
        }
    };
    assert_snapshot("derive_query", message::derive(Kind::Query, input));
}

#[test]
fn derive_command() {
    let input = quote! {
        #[deprecated]
        #[command(error = OrderError, name = "orders.place", crate = crate::bus)]
        struct PlaceOrder(u32, #[bus(key, secret)] String);
    };
    assert_snapshot("derive_command", message::derive(Kind::Command, input));
}

#[test]
fn derive_event() {
    assert_snapshot(
        "derive_event",
        message::derive(
            Kind::Event,
            quote!(
                struct OrderPlaced;
            ),
        ),
    );
}

#[test]
fn derive_task() {
    let input = quote! {
        #[serde(rename(deserialize = "letter", serialize = "mail"), tag = "type", content = "of", deny_unknown_fields)]
        enum Mail {
            Welcome { #[bus(key)] #[serde(default, rename = "address")] to: String },
            #[serde(rename = "bye")]
            Goodbye(#[bus(key)] String, #[bus(secret)] String),
        }
    };
    assert_snapshot("derive_task", message::derive(Kind::Task, input));
}

#[test]
fn derive_mistaken() {
    assert_snapshot(
        "derive_mistaken",
        message::derive(
            Kind::Query,
            quote!(
                struct GetUser;
            ),
        ),
    );
}

#[test]
fn handler_sync() {
    let item = quote! {
        /// Looks a user up.
        pub fn get_user(query: &GetUser, users: &dyn Users) -> Result<User, UserError> {
            users.find(query.id)
        }
    };
    assert_snapshot("handler_sync", handler::function(TokenStream::new(), &item));
}

#[test]
fn handler_async() {
    let item = quote! {
        async fn place_order(order: PlaceOrder, orders: &Orders, bus: &Bus, context: &Context) -> Result<(), OrderError> {
            orders.place(order, context.id(), bus).await
        }
    };
    assert_snapshot("handler_async", handler::function(TokenStream::new(), &item));
}

#[test]
fn handler_with_settings() {
    let arguments = quote!(retry(max = 5, base = "50ms"), timeout = "1.5s", sends(bank::Balance, Charged));
    let item = quote! {
        fn charge(charge: Charge) -> Result<(), BankError> {
            bank::charge(charge)
        }
    };
    assert_snapshot("handler_with_settings", handler::function(arguments, &item));
}

#[test]
fn handlers() {
    let item = quote! {
        impl Users {
            #[handler]
            #[cfg(feature = "rename")]
            pub(crate) fn rename(&self, command: Rename, bus: &SyncBus, context: &Context) {
                self.names().rename(command, bus, context)
            }

            #[handler]
            fn forget(_: &Forget, users: &Users) {}

            #[handler]
            fn forget_too(&self, _: &Forget) {}

            fn names(&self) -> Names {
                Names
            }
        }
    };
    assert_snapshot("handlers", handler::methods(TokenStream::new(), &item));
}

#[test]
fn modules_named_and_left_out() {
    assert_snapshot("modules_named_and_left_out", modules::expand(quote!(users, orders, !billing,)));
}

#[test]
fn module_linked() {
    assert_snapshot("module_linked", module::expand(TokenStream::new()));
}

#[test]
fn module_listed() {
    let input = quote!(messages: [GetUser, mail::Mail], handlers: [get_user, orders::Orders::place]);
    assert_snapshot("module_listed", module::expand(input));
}
