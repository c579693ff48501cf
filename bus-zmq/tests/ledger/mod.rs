//! What worker processes began with, in files that outlive them.
#![allow(dead_code, reason = "no test program needs all of it")]

use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions},
    io::Write as _,
    path::Path,
};

use linkbus::{
    Message,
    layer::{Dispatch, Observer},
};

/// Where one process notes what it begins with.
struct Begun(File);

impl Begun {
    fn open(path: &Path) -> Self {
        Begun(OpenOptions::new().create(true).append(true).open(path).unwrap())
    }

    /// One system call: what the process noted before it was killed is there.
    fn note(&self, task: u64, attempt: u32) {
        (&self.0).write_all(format!("{task} {attempt}\n").as_bytes()).unwrap();
    }
}

/// Notes what is begun, with its attempt, before the handler is called. What is no `M` has the highest number.
pub(crate) struct Noted<M> {
    begun: Begun,
    number: fn(&M) -> u64,
}

impl<M> Noted<M> {
    /// In a file of the worker with this number.
    pub(crate) fn by(worker: u32, folder: &Path, number: fn(&M) -> u64) -> Self {
        Noted { begun: Begun::open(&folder.join(format!("begun-{worker}"))), number }
    }
}

impl<M: Message> Observer for Noted<M> {
    fn start(&self, dispatch: &mut Dispatch<'_>) {
        let task = dispatch.get::<M>().map_or(u64::MAX, self.number);
        self.begun.note(task, dispatch.attempt());
    }

    fn end(&self, _: &mut Dispatch<'_>) {}
}

/// What all processes noted: the attempts of each task.
pub(crate) struct Attempts(BTreeMap<u64, Vec<u32>>);

impl Attempts {
    pub(crate) fn read(folder: &Path) -> Self {
        let mut attempts = BTreeMap::<u64, Vec<u32>>::new();
        let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        for path in
            paths.filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("begun")))
        {
            for line in fs::read_to_string(path).unwrap().lines() {
                let (task, attempt) = line.split_once(' ').unwrap();
                attempts.entry(task.parse().unwrap()).or_default().push(attempt.parse().unwrap());
            }
        }
        for attempts in attempts.values_mut() {
            attempts.sort_unstable();
        }
        Attempts(attempts)
    }

    pub(crate) fn tasks(&self) -> u64 {
        self.0.len() as u64
    }

    pub(crate) fn of(&self, task: u64) -> &[u32] {
        self.0.get(&task).map_or(&[], Vec::as_slice)
    }

    /// How often a task was begun that had been begun before.
    pub(crate) fn repeated(&self) -> u64 {
        self.0.values().map(|attempts| attempts.len() as u64 - 1).sum()
    }

    /// Tasks that were begun as if for the first time, more than once.
    pub(crate) fn first_twice(&self) -> Vec<u64> {
        let is_first_twice = |attempts: &Vec<u32>| attempts.iter().filter(|attempt| **attempt == 1).count() > 1;
        self.0.iter().filter(|(_, attempts)| is_first_twice(attempts)).map(|(task, _)| *task).collect()
    }

    /// Tasks that were begun twice with the same attempt.
    pub(crate) fn unexplained(&self) -> Vec<u64> {
        let is_repeated = |attempts: &Vec<u32>| attempts.windows(2).any(|pair| pair[0] == pair[1]);
        self.0.iter().filter(|(_, attempts)| is_repeated(attempts)).map(|(task, _)| *task).collect()
    }
}
