package io.satchel.vm.host;

import java.util.concurrent.ConcurrentLinkedQueue;
import org.jspecify.annotations.Nullable;

/**
 * What other threads want done on the machine's thread: completions of disk requests, keys, a
 * user's commands.
 *
 * <p>{@link #post} may be called from any thread and never waits. The machine calls {@link #drain}
 * while it holds its lock; what was posted runs there, in the order in which it was posted.
 */
public final class Inbox {

  private final ConcurrentLinkedQueue<Runnable> posts = new ConcurrentLinkedQueue<>();
  private volatile Runnable wake = () -> {};

  /**
   * {@code listener} is called after every {@link #post}, on the posting thread: it stops a running
   * processor or wakes one that halts.
   */
  public void onPost(Runnable listener) {
    wake = listener;
  }

  /** Has {@code task} run by the machine, soon. */
  public void post(Runnable task) {
    posts.add(task);
    wake.run();
  }

  public boolean isEmpty() {
    return posts.isEmpty();
  }

  /** Runs what was posted, also what is posted meanwhile. */
  public void drain() {
    for (@Nullable Runnable task = posts.poll(); task != null; task = posts.poll()) {
      task.run();
    }
  }
}
