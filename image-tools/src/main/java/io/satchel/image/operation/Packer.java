package io.satchel.image.operation;

import io.satchel.image.format.qcow2.ClusterCodec;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/** Packs clusters on all processors; the results come back in the order of the requests. */
final class Packer implements AutoCloseable {
  private final ExecutorService workers;
  private final BlockingQueue<ClusterCodec> codecs;
  private final int threads;

  Packer(boolean zstd, int clusterSize, int threads) {
    this.threads = threads;
    workers = Executors.newFixedThreadPool(threads, Thread.ofPlatform().daemon().factory());
    codecs = new ArrayBlockingQueue<>(threads);
    for (int i = 0; i < threads; i++) {
      codecs.add(ClusterCodec.of(zstd, clusterSize));
    }
  }

  /** How many requests may usefully be under way. */
  int depth() {
    return threads * 4;
  }

  /** A piece of work that needs a codec. */
  interface Job<T> {
    T run(ClusterCodec codec) throws Exception;
  }

  <T> Future<T> submit(Job<T> job) {
    Callable<T> call =
        () -> {
          ClusterCodec codec = codecs.take();
          try {
            return job.run(codec);
          } finally {
            codecs.add(codec);
          }
        };
    return workers.submit(call);
  }

  @Override
  public void close() {
    workers.shutdown();
    workers.close();
    codecs.forEach(ClusterCodec::close);
  }
}
