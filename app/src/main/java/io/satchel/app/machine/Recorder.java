package io.satchel.app.machine;

import io.satchel.vm.host.ScreenImage;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.function.Consumer;

/** Looks at a machine's screen some times a second and records it, on a thread of its own. */
final class Recorder {

  private static final Duration BETWEEN = Duration.ofMillis(100);

  /** A longer one would be larger than anybody wants to send. */
  private static final Duration LONGEST = Duration.ofMinutes(10);

  private final ScreenImage screen;
  private final Path target;
  private final Consumer<Path> done;
  private final Consumer<IOException> failed;
  private volatile boolean stopped;

  /**
   * @param done hears that the file is there; on the recorder's thread
   * @param failed hears why it is not
   */
  Recorder(ScreenImage screen, Path target, Consumer<Path> done, Consumer<IOException> failed) {
    this.screen = screen;
    this.target = target;
    this.done = done;
    this.failed = failed;
  }

  void start() {
    Thread.ofPlatform().name("satchel-record").daemon().start(this::run);
  }

  /** Ends the recording; what follows is heard when the file is whole. */
  void stop() {
    stopped = true;
  }

  private void run() {
    try {
      record();
      done.accept(target);
    } catch (IOException e) {
      failed.accept(e);
    }
  }

  private void record() throws IOException {
    long begun = System.nanoTime();
    long seen = -1;
    try (GifRecording recording = new GifRecording(target)) {
      while (!stopped && System.nanoTime() - begun < LONGEST.toNanos()) {
        long updates = screen.updates();
        if (updates != seen && screen.width() > 0) {
          seen = updates;
          int width;
          int height;
          int[] pixels;
          synchronized (screen) {
            width = screen.width();
            height = screen.height();
            pixels = screen.pixels();
          }
          recording.frame(pixels, width, height, System.nanoTime());
        }
        try {
          Thread.sleep(BETWEEN);
        } catch (InterruptedException _) {
          break;
        }
      }
      recording.end(System.nanoTime());
    }
  }
}
