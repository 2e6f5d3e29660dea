"""Every operation that the AWS CLI offers, with its input as JSON, run in one process: the CLI
itself takes longer to start than anything here takes to run."""

import contextlib
import io
import json
import pathlib
import sys
import unittest

from awscli.clidriver import create_clidriver
from botocore import xform_name

sys.path.append(str(pathlib.Path(__file__).parents[1] / "python"))
import operations

# The CLI hides what it cannot show: a stream of events.
HIDDEN = {"SubscribeToShard"}
DRIVER = create_clidriver()


class Refused(Exception):
    """The CLI ended with an error; the text is what it said."""


def aws(operation, request):
    arguments = ["kinesis", xform_name(operation, "-"), "--cli-input-json", json.dumps(request)]
    printed, said = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(said):
        code = DRIVER.main([*arguments, "--output", "json"])
    if code:
        raise Refused(said.getvalue().strip())
    text = printed.getvalue().strip()
    return json.loads(text) if text else {}


class EveryOperation(unittest.TestCase):
    def test_supported_operations_do_what_they_are_for(self):
        model = DRIVER.session.get_service_model("kinesis")
        subject = operations.Subject(self, aws, Refused)
        for name in operations.expected(model.operation_names):
            if name in HIDDEN:
                continue
            with self.subTest(name):
                self.assertIn(name, operations.CHECKS, "supported operations are checked")
                operations.CHECKS[name](subject)


if __name__ == "__main__":
    unittest.main()
