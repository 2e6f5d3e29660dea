//! Files that a crash left half written, where objects are files.

use std::fs;

use crate::world::World;

#[tokio::test]
async fn what_a_crash_left_half_written_is_removed_at_the_next_opening() {
    let mut world = World::local();
    world.open().await.close().await.unwrap();
    let root = world.directory.as_ref().unwrap().path().to_owned();
    let names = ["segments/00000000000000000007.seg", "manifest/00000000000000000009"];
    for name in names {
        let path = root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(format!("{}#1", path.display()), "half").unwrap();
        fs::write(format!("{}#23", path.display()), "half").unwrap();
    }
    world.open().await.close().await.unwrap();
    for name in names {
        for number in [1, 23] {
            assert!(!root.join(format!("{name}#{number}")).exists(), "{name}#{number}");
        }
    }
}
