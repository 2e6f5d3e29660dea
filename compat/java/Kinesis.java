import static java.util.Comparator.comparing;

import java.math.BigInteger;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.stream.IntStream;
import software.amazon.awssdk.core.SdkBytes;
import software.amazon.awssdk.core.interceptor.Context;
import software.amazon.awssdk.core.interceptor.ExecutionAttributes;
import software.amazon.awssdk.core.interceptor.ExecutionInterceptor;
import software.amazon.awssdk.http.Protocol;
import software.amazon.awssdk.http.ProtocolNegotiation;
import software.amazon.awssdk.http.nio.netty.NettyNioAsyncHttpClient;
import software.amazon.awssdk.services.kinesis.KinesisAsyncClient;
import software.amazon.awssdk.services.kinesis.KinesisAsyncClientBuilder;
import software.amazon.awssdk.services.kinesis.model.ChildShard;
import software.amazon.awssdk.services.kinesis.model.InvalidArgumentException;
import software.amazon.awssdk.services.kinesis.model.KinesisException;
import software.amazon.awssdk.services.kinesis.model.PutRecordsRequestEntry;
import software.amazon.awssdk.services.kinesis.model.PutRecordsResponse;
import software.amazon.awssdk.services.kinesis.model.Record;
import software.amazon.awssdk.services.kinesis.model.ResourceInUseException;
import software.amazon.awssdk.services.kinesis.model.ResourceNotFoundException;
import software.amazon.awssdk.services.kinesis.model.ScalingType;
import software.amazon.awssdk.services.kinesis.model.Shard;
import software.amazon.awssdk.services.kinesis.model.ShardFilterType;
import software.amazon.awssdk.services.kinesis.model.ShardIteratorType;
import software.amazon.awssdk.services.kinesis.model.StreamStatus;

/**
 * The Java SDK v2 with nothing set but the endpoint. Its asynchronous Kinesis client, the one that
 * the KCL uses, speaks CBOR over HTTP/2 with prior knowledge, over TLS as well: it offers no ALPN.
 * The same checks run over HTTP/1.1, and over TLS with ALPN.
 */
public final class Kinesis {
    private static final String FIRST = "shardId-000000000000";
    private static final BigInteger MIDDLE = BigInteger.TWO.pow(127);
    private static final int READS_MAX = 1000;

    private final KinesisAsyncClient kinesis;

    private Kinesis(KinesisAsyncClient kinesis) {
        this.kinesis = kinesis;
    }

    public static void main(String[] arguments) throws Exception {
        try (KinesisAsyncClient http2 = builder().build()) {
            new Kinesis(http2).everyCheck("HTTP/2");
        }
        everyCheckOver("HTTP/1.1", NettyNioAsyncHttpClient.builder().protocol(Protocol.HTTP1_1));
        if (System.getenv("WEIR_ENDPOINT").startsWith("https:")) {
            everyCheckOver(
                    "HTTP/2 by ALPN",
                    NettyNioAsyncHttpClient.builder()
                            .protocol(Protocol.HTTP2)
                            .protocolNegotiation(ProtocolNegotiation.ALPN));
        }
    }

    private static void everyCheckOver(String protocol, NettyNioAsyncHttpClient.Builder http)
            throws Exception {
        try (KinesisAsyncClient client = builder().httpClientBuilder(http).build()) {
            new Kinesis(client).everyCheck(protocol);
        }
    }

    private static KinesisAsyncClientBuilder builder() {
        return KinesisAsyncClient.builder()
                .endpointOverride(URI.create(System.getenv("WEIR_ENDPOINT")))
                .overrideConfiguration(
                        c -> c.retryStrategy(r -> r.maxAttempts(1))
                                .addExecutionInterceptor(new SpeaksCbor()));
    }

    /** Fails the call whose body is not CBOR, or whose answer is not. */
    private static final class SpeaksCbor implements ExecutionInterceptor {
        private static final String CBOR = "application/x-amz-cbor-1.1";

        @Override
        public void beforeTransmission(Context.BeforeTransmission call, ExecutionAttributes __) {
            equal(CBOR, call.httpRequest().firstMatchingHeader("Content-Type").orElse("none"));
        }

        @Override
        public void afterTransmission(Context.AfterTransmission call, ExecutionAttributes __) {
            check(
                    call.httpResponse().firstMatchingHeader("x-amzn-RequestId").isPresent(),
                    "every answer carries a request id");
            var length = call.httpResponse().firstMatchingHeader("Content-Length").orElse("");
            if (!length.equals("0")) {
                equal(CBOR, call.httpResponse().firstMatchingHeader("Content-Type").orElse("none"));
            }
        }
    }

    private interface Check {
        void run() throws Exception;
    }

    private void everyCheck(String protocol) throws Exception {
        run(protocol, "records come back as they were put", this::recordsComeBack);
        run(protocol, "the five iterator types start where they say", this::iteratorTypes);
        run(protocol, "a closed shard is read to its end", this::closedShards);
        run(protocol, "streams are described, listed, tagged", this::controlPlane);
        run(protocol, "many calls at once", this::manyCalls);
        run(protocol, "AWS's errors arrive as the SDK's types", this::errors);
    }

    private static void run(String protocol, String name, Check check) throws Exception {
        check.run();
        System.out.println("ok - " + protocol + ": " + name);
    }

    private void recordsComeBack() {
        String stream = createStream(2);
        byte[] bytes = new byte[256];
        for (int n = 0; n < bytes.length; n++) {
            bytes[n] = (byte) n;
        }
        Instant before = Instant.now().minusSeconds(60);
        PutRecordsResponse put =
                get(kinesis.putRecords(r -> r.streamName(stream).records(
                        entry("鍵🔑", bytes, "0"), entry("empty", new byte[0], "0"))));
        equal(0, put.failedRecordCount());
        equal(List.of(FIRST, FIRST), put.records().stream().map(r -> r.shardId()).toList());
        List<Record> records = read(iterator(stream, FIRST)).records;
        equal(List.of("鍵🔑", "empty"), records.stream().map(Record::partitionKey).toList());
        equal(SdkBytes.fromByteArray(bytes), records.get(0).data());
        equal(0, records.get(1).data().asByteArrayUnsafe().length);
        equal(put.records().get(1).sequenceNumber(), records.get(1).sequenceNumber());
        Instant arrival = records.get(0).approximateArrivalTimestamp();
        check(
                arrival.isAfter(before) && arrival.isBefore(Instant.now().plusSeconds(60)),
                "a CBOR timestamp counts milliseconds: " + arrival);
        deleteStream(stream);
    }

    private void iteratorTypes() {
        String stream = createStream(1);
        List<String> numbers = List.of(put(stream, "0"), put(stream, "1"), put(stream, "2"));
        String latest = iterator(stream, FIRST, ShardIteratorType.LATEST, null, null);
        List<Record> all = read(iterator(stream, FIRST)).records;
        equal(List.of("0", "1", "2"), texts(all));
        var at = ShardIteratorType.AT_SEQUENCE_NUMBER;
        var after = ShardIteratorType.AFTER_SEQUENCE_NUMBER;
        String second = numbers.get(1);
        equal(List.of("1", "2"), texts(read(iterator(stream, FIRST, at, second, null)).records));
        equal(List.of("2"), texts(read(iterator(stream, FIRST, after, second, null)).records));
        Instant arrival = all.get(1).approximateArrivalTimestamp();
        var byTime = iterator(stream, FIRST, ShardIteratorType.AT_TIMESTAMP, null, arrival);
        var expected =
                all.stream().filter(r -> !r.approximateArrivalTimestamp().isBefore(arrival));
        equal(texts(expected.toList()), texts(read(byTime).records));
        put(stream, "new");
        equal(List.of("new"), texts(read(latest).records));
        deleteStream(stream);
    }

    private void closedShards() {
        String stream = createStream(1);
        put(stream, "old");
        get(kinesis.splitShard(
                r -> r.streamName(stream)
                        .shardToSplit(FIRST)
                        .newStartingHashKey(MIDDLE.toString())));
        waitUntilActive(stream);
        End split = read(iterator(stream, FIRST));
        equal(List.of("old"), texts(split.records));
        equal(List.of(List.of(FIRST), List.of(FIRST)),
                split.children.stream().map(ChildShard::parentShards).toList());
        List<String> halves = split.children.stream().map(ChildShard::shardId).toList();
        get(kinesis.mergeShards(
                r -> r.streamName(stream)
                        .shardToMerge(halves.get(0))
                        .adjacentShardToMerge(halves.get(1))));
        waitUntilActive(stream);
        End merged = read(iterator(stream, halves.get(0), ShardIteratorType.LATEST, null, null));
        equal(halves, merged.children.get(0).parentShards().stream().sorted().toList());
        equal("0", merged.children.get(0).hashKeyRange().startingHashKey());
        var scaled =
                get(kinesis.updateShardCount(
                        r -> r.streamName(stream)
                                .targetShardCount(2)
                                .scalingType(ScalingType.UNIFORM_SCALING)));
        equal(1, scaled.currentShardCount());
        waitUntilActive(stream);
        equal(2, shards(stream, ShardFilterType.AT_LATEST).size());
        equal(List.of(FIRST), shardIds(shards(stream, ShardFilterType.AT_TRIM_HORIZON)));
        equal(6, shards(stream, ShardFilterType.FROM_TRIM_HORIZON).size());
        deleteStream(stream);
    }

    private void controlPlane() {
        List<String> streams = List.of(createStream(3), createStream(1));
        String stream = streams.get(0);
        var described = get(kinesis.describeStreamSummary(r -> r.streamName(stream)));
        equal(3, described.streamDescriptionSummary().openShardCount());
        Instant created = described.streamDescriptionSummary().streamCreationTimestamp();
        check(created.isAfter(Instant.now().minusSeconds(600)), "created just now: " + created);
        var first = get(kinesis.listShards(r -> r.streamName(stream).maxResults(2)));
        var token = first.nextToken();
        var rest = get(kinesis.listShards(r -> r.nextToken(token)));
        equal(2, first.shards().size());
        equal(1, rest.shards().size());
        List<String> names = new ArrayList<>();
        kinesis.listStreamsPaginator(r -> r.limit(1))
                .subscribe(page -> names.addAll(page.streamNames()))
                .join();
        check(names.containsAll(streams), "both streams are listed: " + names);
        get(kinesis.addTagsToStream(
                r -> r.streamName(stream).tags(Map.of("team", "river"))));
        var tags = get(kinesis.listTagsForStream(r -> r.streamName(stream))).tags();
        equal("river", tags.get(0).value());
        get(kinesis.increaseStreamRetentionPeriod(
                r -> r.streamName(stream).retentionPeriodHours(48)));
        waitUntilActive(stream);
        check(get(kinesis.describeLimits()).openShardCount() >= 4, "limits count open shards");
        streams.forEach(this::deleteStream);
    }

    private void manyCalls() {
        String stream = createStream(4);
        List<CompletableFuture<?>> puts = new ArrayList<>();
        for (int n = 0; n < 200; n++) {
            String value = Integer.toString(n);
            var data = SdkBytes.fromUtf8String(value);
            puts.add(kinesis.putRecord(
                    r -> r.streamName(stream).partitionKey(value).data(data)));
        }
        puts.forEach(CompletableFuture::join);
        List<Integer> stored = new ArrayList<>();
        for (Shard shard : shards(stream, ShardFilterType.AT_LATEST)) {
            texts(read(iterator(stream, shard.shardId())).records)
                    .forEach(text -> stored.add(Integer.valueOf(text)));
        }
        stored.sort(comparing(n -> n));
        equal(IntStream.range(0, 200).boxed().toList(), stored);
        deleteStream(stream);
    }

    private void errors() {
        var absent =
                refused(
                        ResourceNotFoundException.class,
                        kinesis.describeStream(r -> r.streamName("absent")));
        equal(
                "Stream absent under account 000000000000 not found.",
                absent.awsErrorDetails().errorMessage());
        equal(400, absent.statusCode());
        refused(InvalidArgumentException.class, kinesis.getRecords(r -> r.shardIterator("bad")));
        String stream = createStream(1);
        refused(
                ResourceInUseException.class,
                kinesis.createStream(r -> r.streamName(stream).shardCount(1)));
        deleteStream(stream);
        var invalid =
                refused(
                        KinesisException.class,
                        kinesis.createStream(r -> r.streamName("no spaces").shardCount(1)));
        equal("ValidationException", invalid.awsErrorDetails().errorCode());
    }

    private String createStream(int shards) {
        String name = "java-" + UUID.randomUUID();
        get(kinesis.createStream(r -> r.streamName(name).shardCount(shards)));
        waitUntilActive(name);
        return name;
    }

    private void deleteStream(String name) {
        get(kinesis.deleteStream(r -> r.streamName(name)));
    }

    private void waitUntilActive(String name) {
        StreamStatus status;
        do {
            var summary = get(kinesis.describeStreamSummary(r -> r.streamName(name)));
            status = summary.streamDescriptionSummary().streamStatus();
        } while (status != StreamStatus.ACTIVE);
    }

    private String put(String stream, String value) {
        var data = SdkBytes.fromUtf8String(value);
        return get(kinesis.putRecord(r -> r.streamName(stream).partitionKey("k").data(data)))
                .sequenceNumber();
    }

    private static PutRecordsRequestEntry entry(String key, byte[] data, String hashKey) {
        return PutRecordsRequestEntry.builder()
                .partitionKey(key)
                .data(SdkBytes.fromByteArray(data))
                .explicitHashKey(hashKey)
                .build();
    }

    private List<Shard> shards(String stream, ShardFilterType filter) {
        return get(kinesis.listShards(
                        r -> r.streamName(stream).shardFilter(f -> f.type(filter))))
                .shards();
    }

    private static List<String> shardIds(List<Shard> shards) {
        return shards.stream().map(Shard::shardId).toList();
    }

    private String iterator(String stream, String shard) {
        return iterator(stream, shard, ShardIteratorType.TRIM_HORIZON, null, null);
    }

    private String iterator(
            String stream, String shard, ShardIteratorType type, String number, Instant time) {
        return get(kinesis.getShardIterator(
                        r -> r.streamName(stream)
                                .shardId(shard)
                                .shardIteratorType(type)
                                .startingSequenceNumber(number)
                                .timestamp(time)))
                .shardIterator();
    }

    /** Where a read came to: the tip (no children) or the end of a closed shard. */
    private record End(List<Record> records, List<ChildShard> children) {}

    private End read(String iterator) {
        List<Record> records = new ArrayList<>();
        for (int reads = 0; reads < READS_MAX; reads++) {
            String position = iterator;
            var answer = get(kinesis.getRecords(r -> r.shardIterator(position)));
            records.addAll(answer.records());
            if (answer.nextShardIterator() == null) {
                check(!answer.childShards().isEmpty(), "a shard that ends names its children");
                return new End(records, answer.childShards());
            }
            check(!answer.hasChildShards(), "a shard that goes on has no children yet");
            if (answer.millisBehindLatest() == 0 && answer.records().isEmpty()) {
                return new End(records, List.of());
            }
            iterator = answer.nextShardIterator();
        }
        throw new AssertionError("no end after " + READS_MAX + " reads");
    }

    private static List<String> texts(List<Record> records) {
        return records.stream().map(r -> r.data().asString(StandardCharsets.UTF_8)).toList();
    }

    private static <T> T get(CompletableFuture<T> answer) {
        return answer.join();
    }

    private static <E extends Throwable> E refused(Class<E> type, CompletableFuture<?> answer) {
        try {
            answer.join();
        } catch (CompletionException failed) {
            check(type.isInstance(failed.getCause()), "refused with " + failed.getCause());
            return type.cast(failed.getCause());
        }
        throw new AssertionError("accepted, but " + type.getSimpleName() + " was expected");
    }

    private static void equal(Object expected, Object actual) {
        check(expected.equals(actual), "expected " + expected + ", got " + actual);
    }

    private static void check(boolean holds, String claim) {
        if (!holds) {
            throw new AssertionError(claim);
        }
    }
}
