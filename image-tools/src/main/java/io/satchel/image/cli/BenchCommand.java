package io.satchel.image.cli;

import io.satchel.image.Images;
import io.satchel.image.OpenOptions;
import io.satchel.image.OpenedImage;
import io.satchel.image.Progress;
import io.satchel.image.block.BlockDevice;
import io.satchel.image.block.RequestQueue;
import io.satchel.image.file.Pages;
import io.satchel.image.operation.Cancelled;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.Locale;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code bench}: sends many requests and tells how long they took. */
@Command(name = "bench", description = "Sends many requests and tells how long they took.")
final class BenchCommand extends ImageCommand {
  /** Requests that wait for the host's disk need a thread each; more do not make it faster. */
  private static final int THREADS = 64;

  @Option(
      names = "-c",
      paramLabel = "COUNT",
      description = "How many requests; 75000 when not given.")
  int count = 75_000;

  @Option(
      names = "-d",
      paramLabel = "DEPTH",
      description = "How many at a time; 64 when not given.")
  int depth = 64;

  @Option(names = "-s", paramLabel = "SIZE", description = "Bytes a request; 4k when not given.")
  String size = "4k";

  @Option(
      names = "-S",
      paramLabel = "STEP",
      description = "Bytes from one request to the next; those of -s when not given.")
  @Nullable String step;

  @Option(names = "-o", paramLabel = "OFFSET", description = "Where to begin.")
  String offset = "0";

  @Option(names = "-w", description = "Write rather than read.")
  boolean write;

  @Option(
      names = "--pattern",
      paramLabel = "BYTE",
      description = "With -w: the byte to write; 0 when not given.")
  int pattern;

  @Option(
      names = "--flush-interval",
      paramLabel = "N",
      description = "With -w: flush after every N requests.")
  int flushInterval;

  @Option(names = "--no-drain", description = "Do not wait for a flush before going on.")
  boolean noDrain;

  @Option(
      names = {"-n", "-i"},
      hidden = true,
      arity = "0..1")
  @Nullable String ignored;

  @Option(
      names = "-t",
      paramLabel = "CACHE",
      description = "What a flush waits for: none, writeback, writethrough, directsync, unsafe.")
  String cache = "writeback";

  @Parameters(paramLabel = "IMAGE", description = "The image.")
  String image = "";

  BenchCommand(Terminal terminal) {
    super(terminal);
  }

  @Override
  public Integer call() throws IOException {
    Named named = named(image, format);
    int bytes = (int) Math.min(size(size), 64 << 20);
    long stride = step == null ? bytes : size(step);
    long start = size(offset);
    OpenOptions how = options(named, write).withCache(cacheMode(cache));
    try (OpenedImage opened = Images.open(named.path(), how)) {
      BlockDevice device = opened.device();
      if (start + bytes > device.size() || bytes <= 0) {
        throw new UsageException("The request does not fit into the image");
      }
      say(
          "Sending "
              + count
              + (write ? " write" : " read")
              + " requests, "
              + bytes
              + " bytes each, "
              + depth
              + " in parallel (starting at offset "
              + start
              + ", step size "
              + stride
              + ")");
      if (flushInterval > 0) {
        say("Sending flush every " + flushInterval + (noDrain ? "" : " drained") + " requests");
      }
      long begin = System.nanoTime();
      send(device, bytes, stride, start);
      say(
          String.format(
              Locale.ROOT, "Run completed in %3.3f seconds.", (System.nanoTime() - begin) / 1e9));
    }
    return 0;
  }

  /** Keeps so many requests under way; a flush waits for those before it. */
  private void send(BlockDevice device, int bytes, long stride, long start) throws IOException {
    long room = device.size() - start - bytes + 1;
    ArrayDeque<Sent> underWay = new ArrayDeque<>();
    ArrayDeque<ByteBuffer> idle = new ArrayDeque<>();
    Progress progress = terminal.progress(false, quiet);
    try (RequestQueue queue = new RequestQueue(device, Math.max(1, Math.min(depth, THREADS)))) {
      for (int i = 0; i < count; i++) {
        if ((i & 63) == 0 && !progress.at((long) i * bytes, (long) count * bytes)) {
          throw new Cancelled();
        }
        long at = start + i * stride % room;
        ByteBuffer buffer = idle.isEmpty() ? filled(bytes) : idle.remove();
        buffer.clear();
        underWay.add(new Sent(write ? queue.write(at, buffer) : queue.read(at, buffer), buffer));
        boolean flushes = write && flushInterval > 0 && (i + 1) % flushInterval == 0;
        if (flushes) {
          underWay.add(new Sent(queue.flush(), null));
        }
        finish(underWay, idle, flushes && !noDrain ? 0 : Math.max(0, depth - 1));
      }
      finish(underWay, idle, 0);
    }
    progress.at((long) count * bytes, (long) count * bytes);
  }

  /** A request that has been asked for, and its buffer; a flush has none. */
  private record Sent(CompletableFuture<Void> done, @Nullable ByteBuffer buffer) {}

  private ByteBuffer filled(int bytes) {
    ByteBuffer buffer = Pages.allocate(bytes);
    while (buffer.hasRemaining()) {
      buffer.put((byte) pattern);
    }
    return buffer;
  }

  private static void finish(ArrayDeque<Sent> underWay, ArrayDeque<ByteBuffer> idle, int keep)
      throws IOException {
    while (underWay.size() > keep) {
      Sent sent = underWay.remove();
      try {
        sent.done().get();
      } catch (ExecutionException e) {
        if (e.getCause() instanceof IOException io) {
          throw io;
        }
        throw new IllegalStateException(e.getCause());
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new Cancelled();
      }
      if (sent.buffer() != null) {
        idle.add(sent.buffer());
      }
    }
  }
}
