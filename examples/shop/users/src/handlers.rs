use contracts::users::{GetUser, RegisterUser, User, UserError, UserRegistered};
use linkbus::{Bus, handler};

use crate::UserStore;

/// Makes somebody a user and tells everybody who wants to know.
#[handler]
pub async fn register_user(command: RegisterUser, users: &UserStore, bus: &Bus) -> Result<(), UserError> {
    let RegisterUser { id, name, email } = command;
    users.add(&User { id: id.clone(), name, email })?;
    tracing::info!("registers {id}");
    // The user is registered, whatever becomes of those who are told.
    bus.publish(UserRegistered { id }).await.unwrap_or_else(|error| tracing::warn!("{error}"));
    Ok(())
}

/// Says who a user is. Not `async`: it waits for nobody.
#[handler]
pub fn get_user(query: &GetUser, users: &UserStore) -> Result<User, UserError> {
    users.find(&query.id)
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    fn ada() -> RegisterUser {
        let parsed = ("ada".parse(), "Ada".parse(), "ada@example.com".parse());
        RegisterUser { id: parsed.0.unwrap(), name: parsed.1.unwrap(), email: parsed.2.unwrap() }
    }

    /// A bus on which nobody listens.
    fn nobody() -> Bus {
        Bus::empty().build().unwrap()
    }

    #[tokio::test]
    async fn a_registered_user_is_found() {
        let users = UserStore::in_memory();
        register_user(ada(), &users, &nobody()).await.unwrap();
        assert_eq!(get_user(&GetUser { id: ada().id }, &users).unwrap().name, ada().name);
    }

    #[tokio::test]
    async fn an_id_is_given_once() {
        let users = UserStore::in_memory();
        register_user(ada(), &users, &nobody()).await.unwrap();
        let again = register_user(ada(), &users, &nobody()).await;
        assert_eq!(again, Err(UserError::Taken(ada().id)));
    }

    #[test]
    fn a_stranger_is_unknown() {
        let query = GetUser { id: ada().id };
        assert_eq!(get_user(&query, &UserStore::in_memory()), Err(UserError::Unknown(query.id)));
    }

    #[tokio::test]
    async fn others_are_told_and_cannot_undo_it() {
        let told = Arc::new(Mutex::new(Vec::new()));
        let listener = Arc::clone(&told);
        let listen = move |event: &UserRegistered| -> Result<(), std::fmt::Error> {
            listener.lock().unwrap().push(event.id.to_string());
            Err(std::fmt::Error)
        };
        let bus = Bus::empty().subscribe(listen).build().unwrap();
        assert_eq!(register_user(ada(), &UserStore::in_memory(), &bus).await, Ok(()));
        assert_eq!(*told.lock().unwrap(), ["ada"]);
    }
}
