import java.net.URI;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import software.amazon.awssdk.core.SdkBytes;
import software.amazon.awssdk.http.Protocol;
import software.amazon.awssdk.http.nio.netty.NettyNioAsyncHttpClient;
import software.amazon.awssdk.services.kinesis.KinesisAsyncClient;
import software.amazon.awssdk.services.kinesis.KinesisAsyncClientBuilder;
import software.amazon.awssdk.services.kinesis.model.ChildShard;
import software.amazon.awssdk.services.kinesis.model.ConsumerStatus;
import software.amazon.awssdk.services.kinesis.model.KinesisException;
import software.amazon.awssdk.services.kinesis.model.ResourceInUseException;
import software.amazon.awssdk.services.kinesis.model.ResourceNotFoundException;
import software.amazon.awssdk.services.kinesis.model.ShardIteratorType;
import software.amazon.awssdk.services.kinesis.model.StreamStatus;
import software.amazon.awssdk.services.kinesis.model.SubscribeToShardEvent;
import software.amazon.awssdk.services.kinesis.model.SubscribeToShardEventStream;
import software.amazon.awssdk.services.kinesis.model.SubscribeToShardRequest;
import software.amazon.awssdk.services.kinesis.model.SubscribeToShardResponseHandler;

/** SubscribeToShard of the asynchronous Java SDK v2, as the KCL uses it, across a split. */
public final class FanOut {
    private static final String FIRST = "shardId-000000000000";
    private static final String MIDDLE = "170141183460469231731687303715884105728";
    private static final int EVENT_MAX_SECONDS = 60;

    private final KinesisAsyncClient kinesis;

    private FanOut(KinesisAsyncClient kinesis) {
        this.kinesis = kinesis;
    }

    public static void main(String[] arguments) throws Exception {
        try (KinesisAsyncClient http2 = builder().build()) {
            new FanOut(http2).everyCheck("HTTP/2");
        }
        var http1 = NettyNioAsyncHttpClient.builder().protocol(Protocol.HTTP1_1);
        try (KinesisAsyncClient client = builder().httpClientBuilder(http1).build()) {
            new FanOut(client).everyCheck("HTTP/1.1");
        }
    }

    private static KinesisAsyncClientBuilder builder() {
        return KinesisAsyncClient.builder()
                .endpointOverride(URI.create(System.getenv("WEIR_ENDPOINT")))
                .overrideConfiguration(c -> c.retryStrategy(r -> r.maxAttempts(1)));
    }

    private void everyCheck(String protocol) throws Exception {
        recordsArePushedAcrossASplit();
        System.out.println("ok - " + protocol + ": records are pushed across a split");
        refusals();
        System.out.println("ok - " + protocol + ": a refused subscription is an error");
    }

    private void recordsArePushedAcrossASplit() throws Exception {
        String stream = createStream();
        String consumer = register(stream);
        put(stream, "kept");
        var events = new Subscription(consumer, FIRST);
        equal(List.of("kept"), events.receive());
        for (String value : List.of("0", "1", "2")) {
            put(stream, value);
            equal(List.of(value), events.receive());
        }
        get(
                kinesis.splitShard(
                        r -> r.streamName(stream).shardToSplit(FIRST).newStartingHashKey(MIDDLE)));
        waitUntilActive(stream);
        String child = put(stream, "after");
        SubscribeToShardEvent last = events.last();
        equal(List.of(), last.records());
        List<ChildShard> children = last.childShards();
        equal(List.of(List.of(FIRST), List.of(FIRST)),
                children.stream().map(ChildShard::parentShards).toList());
        equal(List.of("0", MIDDLE),
                children.stream().map(c -> c.hashKeyRange().startingHashKey()).toList());
        var following = new Subscription(consumer, child);
        equal(List.of("after"), following.receive());
        following.cancel();
        deleteStream(stream);
    }

    private void refusals() throws Exception {
        String stream = createStream();
        String consumer = register(stream);
        put(stream, "one");
        var events = new Subscription(consumer, FIRST);
        equal(List.of("one"), events.receive());
        var inUse = refused(ResourceInUseException.class, new Subscription(consumer, FIRST));
        equal(
                "Another active subscription exists for this consumer: 000000000000:"
                        + stream + ":" + FIRST + ":reader",
                inUse.awsErrorDetails().errorMessage());
        equal(400, inUse.statusCode());
        events.cancel();
        refused(
                ResourceNotFoundException.class,
                new Subscription(consumer, "shardId-000000000009"));
        refused(ResourceNotFoundException.class, new Subscription(consumer + "9", FIRST));
        deleteStream(stream);
    }

    /** One call of SubscribeToShard: its events queue up until they are asked for. */
    private final class Subscription {
        private final BlockingQueue<SubscribeToShardEventStream> events =
                new LinkedBlockingQueue<>();
        private final CompletableFuture<Void> ended;

        Subscription(String consumer, String shard) {
            var request =
                    SubscribeToShardRequest.builder()
                            .consumerARN(consumer)
                            .shardId(shard)
                            .startingPosition(p -> p.type(ShardIteratorType.TRIM_HORIZON))
                            .build();
            var handler =
                    SubscribeToShardResponseHandler.builder()
                            .subscriber((SubscribeToShardEventStream event) -> events.add(event))
                            .build();
            ended = kinesis.subscribeToShard(request, handler);
        }

        private SubscribeToShardEvent next() throws InterruptedException {
            var event = events.poll(EVENT_MAX_SECONDS, TimeUnit.SECONDS);
            check(event != null, "an event comes within " + EVENT_MAX_SECONDS + " s: " + ended);
            return (SubscribeToShardEvent) event;
        }

        /** The texts of the next records; heart-beats before them are passed over. */
        List<String> receive() throws InterruptedException {
            SubscribeToShardEvent event;
            do {
                event = next();
                check(event.continuationSequenceNumber() != null, "the shard goes on");
                check(event.millisBehindLatest() != null, "each event says how far it is behind");
            } while (event.records().isEmpty());
            return event.records().stream().map(r -> r.data().asUtf8String()).toList();
        }

        /** The event that ends the shard, after which the stream of events ends by itself. */
        SubscribeToShardEvent last() throws Exception {
            SubscribeToShardEvent event;
            do {
                event = next();
                equal(event.hasChildShards(), event.continuationSequenceNumber() == null);
            } while (!event.hasChildShards());
            ended.get(EVENT_MAX_SECONDS, TimeUnit.SECONDS);
            check(events.isEmpty(), "nothing follows the end of a shard");
            return event;
        }

        void cancel() {
            ended.cancel(true);
        }
    }

    private static <E extends KinesisException> E refused(Class<E> type, Subscription asked) {
        try {
            asked.ended.orTimeout(EVENT_MAX_SECONDS, TimeUnit.SECONDS).join();
        } catch (CompletionException failed) {
            check(type.isInstance(failed.getCause()), "refused with " + failed.getCause());
            check(asked.events.isEmpty(), "a refused subscription has no events");
            return type.cast(failed.getCause());
        }
        throw new AssertionError("accepted, but " + type.getSimpleName() + " was expected");
    }

    private String createStream() {
        String name = "java-" + UUID.randomUUID();
        get(kinesis.createStream(r -> r.streamName(name).shardCount(1)));
        waitUntilActive(name);
        return name;
    }

    private void deleteStream(String name) {
        get(kinesis.deleteStream(r -> r.streamName(name).enforceConsumerDeletion(true)));
    }

    private void waitUntilActive(String name) {
        StreamStatus status;
        do {
            var summary = get(kinesis.describeStreamSummary(r -> r.streamName(name)));
            status = summary.streamDescriptionSummary().streamStatus();
        } while (status != StreamStatus.ACTIVE);
    }

    private String register(String stream) {
        var summary = get(kinesis.describeStreamSummary(r -> r.streamName(stream)));
        String streamArn = summary.streamDescriptionSummary().streamARN();
        var registered =
                get(kinesis.registerStreamConsumer(
                        r -> r.streamARN(streamArn).consumerName("reader")));
        String arn = registered.consumer().consumerARN();
        ConsumerStatus status;
        do {
            status =
                    get(kinesis.describeStreamConsumer(r -> r.consumerARN(arn)))
                            .consumerDescription()
                            .consumerStatus();
        } while (status != ConsumerStatus.ACTIVE);
        return arn;
    }

    private String put(String stream, String value) {
        var data = SdkBytes.fromUtf8String(value);
        return get(kinesis.putRecord(r -> r.streamName(stream).partitionKey("k").data(data)))
                .shardId();
    }

    private static <T> T get(CompletableFuture<T> answer) {
        return answer.join();
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
