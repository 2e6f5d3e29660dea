"""One application of the Kinesis Client Library: the Java library's own daemon, which starts
`consumer.py` for every shard that it leases, and the journal that those leave."""

import json
import os
import pathlib
import signal
import subprocess
import sys

HERE = pathlib.Path(__file__).parent
STOP_MAX_SECONDS = 20
LAST_WORDS_BYTES = 8000

# What makes a fresh application start within a minute and notice closed shards within a second.
# Everything else is as the library sets it.
HASTE = {
    "failoverTimeMillis": 10000,
    "leaseAssignmentIntervalMillis": 1000,
    "shardSyncIntervalMillis": 500,
    "parentShardPollIntervalMillis": 250,
    "idleTimeBetweenReadsInMillis": 200,
    "metricsBufferTimeMillis": 1000,
    "shutdownGraceMillis": 1000,
}
# Two cores are shared by everything under test: start quickly rather than run fast.
JAVA = ["java", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
        f"-Dlogback.configurationFile={HERE / 'logback.xml'}"]


class Application:
    def __init__(self, mode, stream, side_services, directory):
        self.name = f"{stream}-{mode.lower()}"
        self.directory = pathlib.Path(directory) / mode.lower()
        self.directory.mkdir()
        self.journal = self.directory / "journal.jsonl"
        self.messages = self.directory / "messages.txt"
        properties = {
            "executableName": "python consumer.py",
            "streamName": stream,
            "applicationName": self.name,
            "retrievalMode": mode,
            "initialPositionInStream": "TRIM_HORIZON",
            "AwsCredentialsProvider": "DefaultCredentialsProvider",
            "regionName": os.environ["AWS_REGION"],
            "metricsLevel": "SUMMARY",
            **HASTE,
        }
        file = self.directory / "kcl.properties"
        file.write_text("".join(f"{key} = {value}\n" for key, value in properties.items()))
        self.daemon = self._start(file, side_services)

    def _start(self, properties, side_services):
        packages = pathlib.Path(os.environ["WEIR_KCL_PACKAGES"])
        environment = {
            **os.environ,
            "PATH": f"{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYTHONPATH": str(packages),
            "WEIR_KCL_JOURNAL": str(self.journal),
            "AWS_ENDPOINT_URL_DYNAMODB": side_services,
            "AWS_ENDPOINT_URL_CLOUDWATCH": side_services,
        }
        jars = packages / "amazon_kclpy" / "jars" / "*"
        daemon = "software.amazon.kinesis.multilang.MultiLangDaemon"
        with open(self.messages, "wb") as messages:
            return subprocess.Popen(
                [*JAVA, "-cp", str(jars), daemon, "--properties-file", str(properties)],
                cwd=HERE, env=environment, stdin=subprocess.DEVNULL, stdout=messages,
                stderr=subprocess.STDOUT, start_new_session=True,
            )

    def events(self):
        """What its consumers noted so far, in order."""
        if not self.journal.exists():
            return []
        lines = self.journal.read_text().split("\n")
        # The last is empty, or half written.
        return [json.loads(line) for line in lines[:-1]]

    def shards(self, event):
        """The shards to which this has happened."""
        return {noted["shard"] for noted in self.events() if noted["event"] == event}

    def ended(self):
        return self.daemon.poll() is not None

    def said(self):
        """The end of what the library printed."""
        return self.messages.read_bytes()[-LAST_WORDS_BYTES:].decode(errors="replace")

    def stop(self):
        """Asks it to hand back its leases and end; then ends whatever is left of it."""
        self.daemon.terminate()
        try:
            self.daemon.wait(STOP_MAX_SECONDS)
        except subprocess.TimeoutExpired:
            pass
        try:
            os.killpg(self.daemon.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.daemon.wait()
