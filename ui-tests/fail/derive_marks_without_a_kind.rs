struct Login {
    #[bus(secret)]
    password: String,
}

fn main() {}
