use super::*;

#[test]
fn the_table_lists_the_operations_of_the_model_in_its_order() {
    let model = include_str!("../../tests/model/operations.txt");
    let expected: Vec<&str> = model.lines().collect();
    let actual: Vec<String> = Operation::ALL
        .iter()
        .filter(|operation| operation.service() == "kinesis")
        .map(|operation| format!("{} {:?}", operation.name(), operation.class()))
        .collect();
    assert_eq!(actual, expected);
}

#[test]
fn an_operation_is_found_only_by_its_exact_target() {
    for &operation in Operation::ALL {
        assert_eq!(Operation::from_target(operation.target()), Some(operation));
        assert_eq!(Operation::from_target(operation.name()), None);
        let shouted = operation.target().to_uppercase();
        assert_eq!(Operation::from_target(&shouted), None);
    }
    assert_eq!(Operation::from_target("Kinesis_20131202."), None);
}

#[test]
fn the_coverage_page_has_a_row_for_each_operation() {
    let page = coverage();
    assert_eq!(page.lines().count(), Operation::ALL.len() + 2);
    assert!(page.contains("| PutRecords | data | yes | Write up to 500 records"));
    assert!(page.contains("| SubscribeToShard | data | not yet |"));
}
