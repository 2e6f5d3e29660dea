import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletionException;
import software.amazon.awssdk.auth.credentials.ProfileCredentialsProvider;
import software.amazon.awssdk.core.SdkBytes;
import software.amazon.awssdk.http.Protocol;
import software.amazon.awssdk.http.async.SdkAsyncHttpClient;
import software.amazon.awssdk.http.nio.netty.NettyNioAsyncHttpClient;
import software.amazon.awssdk.services.kinesis.KinesisAsyncClient;
import software.amazon.awssdk.services.kinesis.model.KinesisException;
import software.amazon.awssdk.services.kinesis.model.ShardIteratorType;

/** Each principal of the table of cases, and what the Java SDK makes of what it is told. */
public final class Secured {
    private static final String STREAMS = "arn:aws:kinesis:us-east-1:000000000000:stream/";

    /** One for all: each would take two seconds to close. Without ALPN, as the SDK's own. */
    private static final SdkAsyncHttpClient HTTP =
            NettyNioAsyncHttpClient.builder().protocol(Protocol.HTTP2).build();

    public static void main(String[] arguments) throws Exception {
        try (HTTP) {
            everyCase();
        }
    }

    private static void everyCase() throws Exception {
        List<String> failures = new ArrayList<>();
        int cases = 0;
        for (String line : Files.readAllLines(Path.of(System.getenv("WEIR_CASES")))) {
            if (line.isBlank() || line.startsWith("#")) {
                continue;
            }
            String[] columns = line.trim().split("\\s*\\|\\s*");
            String name = columns[0] + ": " + columns[1] + " on " + columns[2];
            String expected =
                    columns[3].equals("ok") ? "ok" : columns[3] + " 400 " + columns[4];
            String actual = outcome(columns[0], columns[1], columns[2]);
            if (!actual.equals(expected)) {
                failures.add(name + "\n  expected " + expected + "\n  got      " + actual);
            }
            System.out.println((actual.equals(expected) ? "ok - " : "not ok - ") + name);
            cases++;
        }
        if (cases == 0 || !failures.isEmpty()) {
            throw new AssertionError(String.join("\n", failures));
        }
    }

    /** Principals are profiles of the shared credentials file. */
    private static String outcome(String principal, String operation, String stream) {
        try (var kinesis =
                KinesisAsyncClient.builder()
                        .endpointOverride(URI.create(System.getenv("WEIR_ENDPOINT")))
                        .httpClient(HTTP)
                        .credentialsProvider(ProfileCredentialsProvider.create(principal))
                        .overrideConfiguration(c -> c.retryStrategy(r -> r.maxAttempts(1)))
                        .build()) {
            call(kinesis, operation, STREAMS + stream);
            return "ok";
        } catch (CompletionException failed) {
            if (failed.getCause() instanceof KinesisException error) {
                var details = error.awsErrorDetails();
                return details.errorCode() + " " + error.statusCode() + " "
                        + details.errorMessage();
            }
            return failed.getCause().toString();
        }
    }

    private static void call(KinesisAsyncClient kinesis, String operation, String arn) {
        switch (operation) {
            case "PutRecord" -> {
                var data = SdkBytes.fromUtf8String("x");
                kinesis.putRecord(r -> r.streamARN(arn).partitionKey("k").data(data)).join();
            }
            case "DescribeStreamSummary" ->
                    kinesis.describeStreamSummary(r -> r.streamARN(arn)).join();
            case "GetRecords" -> {
                var start =
                        kinesis.getShardIterator(
                                        r -> r.streamARN(arn)
                                                .shardId("shardId-000000000000")
                                                .shardIteratorType(ShardIteratorType.TRIM_HORIZON))
                                .join();
                kinesis.getRecords(
                                r -> r.streamARN(arn).shardIterator(start.shardIterator()))
                        .join();
            }
            default -> throw new AssertionError("no operation " + operation);
        }
    }
}
