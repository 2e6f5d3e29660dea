use super::*;

#[test]
fn the_table_lists_the_operations_of_the_model_in_its_order() {
    let model = include_str!("../../tests/model/operations.txt");
    let expected: Vec<&str> = model.lines().collect();
    let actual: Vec<String> = Operation::of("kinesis")
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
    let page = coverage("kinesis");
    assert_eq!(page.lines().count(), Operation::of("kinesis").count() + 2);
    assert!(page.contains("| PutRecords | data | yes | Write up to 500 records"));
    assert!(page.contains("| CreateQueue | control | not yet |"));
    let row = "| CreateUser | **UserName**, Tags | Make a user. |";
    assert!(reference("weir").contains(row));
}

#[test]
fn every_operation_belongs_to_one_service_and_is_named_so_in_policies() {
    let services = ["kinesis", "weir"].map(|service| Operation::of(service).count());
    assert_eq!(services.iter().sum::<usize>(), Operation::ALL.len());
    assert_eq!(Operation::CreateUser.action(), "weir:CreateUser");
    assert_eq!(Operation::CreateUser.target(), "Weir_20261125.CreateUser");
}
