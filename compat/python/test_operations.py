"""Every operation of botocore's own model: supported ones do what they are for, the others are
refused as unknown."""

import unittest

from botocore.exceptions import ClientError

import lab
import operations


class EveryOperation(unittest.TestCase):
    def setUp(self):
        # The node, not botocore, says what is wrong with an input.
        self.kinesis = lab.client(config={"parameter_validation": False})
        names = self.kinesis.meta.service_model.operation_names
        self.supported = operations.expected(names)
        self.later = set(names) - set(self.supported)

    def call(self, operation, request):
        return self.kinesis._make_api_call(operation, request)

    def test_supported_operations_do_what_they_are_for(self):
        subject = operations.Subject(self, self.call, ClientError)
        for name in self.supported:
            with self.subTest(name):
                self.assertIn(name, operations.CHECKS, "supported operations are checked")
                operations.CHECKS[name](subject)

    def test_the_others_are_unknown(self):
        for name in sorted(self.later):
            with self.subTest(name), self.assertRaises(ClientError) as caught:
                self.call(name, {})
            error = caught.exception.response["Error"]
            self.assertEqual(error["Code"], "UnknownOperationException", name)


if __name__ == "__main__":
    unittest.main()
