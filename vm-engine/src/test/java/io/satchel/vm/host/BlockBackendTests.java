package io.satchel.vm.host;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.satchel.vm.time.EventQueue;
import io.satchel.vm.time.VirtualClock;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(20)
class BlockBackendTests {

  private final MemoryDisk disk = MemoryDisk.numbered(64, 512);
  private final BlockBackend.Traffic traffic = new BlockBackend.Traffic();
  private final Inbox inbox = new Inbox();
  private final List<String> seen = new ArrayList<>();

  private void drainUntil(int count) {
    while (seen.size() < count) {
      inbox.drain();
      Thread.onSpinWait();
    }
  }

  @Test
  void completionsWaitInTheInboxAndKeepTheOrderOfSubmission() throws IOException {
    byte[] first = new byte[512];
    byte[] second = new byte[512];
    try (BlockBackend backend = BlockBackend.threaded(disk, "test", traffic, inbox)) {
      backend.read(512, first, 0, 512, ok -> seen.add("first " + ok));
      backend.write(1024, new byte[512], 0, 512, ok -> seen.add("write " + ok));
      backend.read(1024, second, 0, 512, ok -> seen.add("second " + ok));
      backend.flush(ok -> seen.add("flush " + ok));
      assertThat(seen).isEmpty();
      drainUntil(4);
    }
    assertThat(seen).containsExactly("first true", "write true", "second true", "flush true");
    assertThat(first[0]).isEqualTo((byte) 1);
    assertThat(second[0]).isZero();
    assertThat(traffic.bytesRead()).isEqualTo(1024);
    assertThat(traffic.bytesWritten()).isEqualTo(512);
  }

  @Test
  void anImmediateReadSeesTheWritesSubmittedBefore() throws IOException {
    byte[] out = new byte[512];
    out[0] = 77;
    byte[] in = new byte[512];
    try (BlockBackend backend = BlockBackend.threaded(disk, "test", traffic, inbox)) {
      backend.write(0, out, 0, 512, ok -> {});
      backend.readNow(0, in, 0, 512);
    }
    assertThat(in[0]).isEqualTo((byte) 77);
  }

  @Test
  void aFailureIsToldAndDoesNotEndTheThread() throws IOException {
    try (BlockBackend backend = BlockBackend.threaded(disk, "test", traffic, inbox)) {
      backend.onFailure(failure -> seen.add(String.valueOf(failure.getMessage())));
      backend.read(1 << 20, new byte[512], 0, 512, ok -> seen.add("beyond " + ok));
      drainUntil(2);
      backend.read(0, new byte[512], 0, 512, ok -> seen.add("again " + ok));
      drainUntil(3);
      assertThatThrownBy(() -> backend.readNow(1 << 20, new byte[512], 0, 512))
          .isInstanceOf(IOException.class);
    }
    assertThat(seen.subList(1, 3)).containsExactly("beyond false", "again true");
  }

  @Test
  void closingWritesWhatWasSubmittedAndClosesTheMedium() throws IOException {
    BlockBackend backend = BlockBackend.threaded(disk, "test", traffic, inbox);
    byte[] out = {1, 2, 3, 4};
    backend.write(8, out, 0, 4, ok -> {});
    backend.close();
    backend.close();
    assertThat(disk.bytes[11]).isEqualTo((byte) 4);
    assertThat(disk.log).endsWith("flush 0+0");
    assertThat(disk.closed).isTrue();
    assertThatThrownBy(() -> backend.readNow(0, out, 0, 4)).isInstanceOf(IOException.class);
    backend.read(0, out, 0, 4, ok -> seen.add("late " + ok));
    drainUntil(1);
    assertThat(seen).containsExactly("late false");
  }

  @Test
  void theRepeatableModeCompletesAsAnEventOfTheSameMoment() {
    EventQueue events = new EventQueue();
    VirtualClock clock = VirtualClock.following(() -> 0);
    clock.set(1234);
    BlockBackend backend = BlockBackend.immediate(disk, traffic, events, clock);
    byte[] in = new byte[512];
    backend.read(5 * 512, in, 0, 512, ok -> seen.add("done " + ok));
    assertThat(in[0]).isEqualTo((byte) 5);
    assertThat(seen).isEmpty();
    assertThat(events.next()).isEqualTo(1234);
    events.runDue(1234);
    assertThat(seen).containsExactly("done true");
  }

  @Test
  void theInboxWakesTheMachineForEachPost() {
    inbox.onPost(() -> seen.add("wake"));
    inbox.post(() -> seen.add("ran"));
    assertThat(seen).containsExactly("wake");
    inbox.drain();
    assertThat(seen).containsExactly("wake", "ran");
    assertThat(inbox.isEmpty()).isTrue();
  }
}
