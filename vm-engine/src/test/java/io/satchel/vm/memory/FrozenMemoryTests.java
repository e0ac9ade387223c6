package io.satchel.vm.memory;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class FrozenMemoryTests {
  private static final int PAGES = 4096;

  private final GuestMemory memory = new GuestMemory(PAGES << 12, 0);
  private final AddressMap map = new AddressMap(memory);

  @Test
  void aReaderSeesTheMemoryOfTheMomentWhileItIsWritten() throws Exception {
    map.mapMemory(0, PAGES << 12, 0);
    byte[] line = new byte[4096];
    Random random = new Random(1);
    for (int page = 0; page < PAGES; page += 1 + random.nextInt(3)) {
      random.nextBytes(line);
      memory.write(page << 12, line, 0, line.length);
    }
    byte[] before = memory.bytes().clone();
    int[] told = new int[1];
    map.onDirtyCleared(() -> told[0]++);
    FrozenMemory frozen = map.freeze();
    assertThat(told[0]).as("TLBs forget their writable pages").isEqualTo(1);
    CompletableFuture<byte[]> read =
        CompletableFuture.supplyAsync(
            () -> {
              byte[] copy = new byte[PAGES << 12];
              byte[] page = new byte[4096];
              boolean[] seen = new boolean[PAGES];
              for (int n = frozen.take(page, 0); n >= 0; n = frozen.take(page, 0)) {
                assertThat(seen[n]).isFalse();
                seen[n] = true;
                System.arraycopy(page, 0, copy, n << 12, 4096);
              }
              return copy;
            });
    for (int i = 0; !read.isDone() || i < 10_000; i++) {
      int page = random.nextInt(PAGES);
      map.write(((long) page << 12) + 8 * random.nextInt(512), 8, random.nextLong() | 1);
    }
    assertThat(Arrays.equals(read.get(60, TimeUnit.SECONDS), before)).isTrue();
    assertThat(frozen.progress()).isEqualTo(1.0);
    assertThat(Arrays.equals(memory.bytes(), before)).isFalse();
  }

  @Test
  void aReaderThatIsSlowerThanTheGuestHoldsItUp() throws Exception {
    int pages = FrozenMemory.MOST_ASIDE + 1000;
    GuestMemory large = new GuestMemory(pages << 12, 0);
    AddressMap addresses = new AddressMap(large);
    addresses.mapMemory(0, (long) pages << 12, 0);
    for (int page = 0; page < pages; page++) {
      large.markWritten(page);
    }
    FrozenMemory frozen = addresses.freeze();
    CompletableFuture<Void> guest =
        CompletableFuture.runAsync(
            () -> {
              for (int page = pages - 1; page >= 0; page--) {
                addresses.write((long) page << 12, 1, 1);
              }
            });
    Thread.sleep(200);
    assertThat(guest.isDone()).isFalse();
    int taken = 0;
    byte[] page = new byte[4096];
    while (frozen.take(page, 0) >= 0) {
      taken++;
    }
    guest.get(60, TimeUnit.SECONDS);
    assertThat(taken).isEqualTo(pages);
  }

  @Test
  void aReaderThatGivesUpLetsTheGuestGo() throws Exception {
    int pages = FrozenMemory.MOST_ASIDE + 1000;
    GuestMemory large = new GuestMemory(pages << 12, 0);
    AddressMap addresses = new AddressMap(large);
    addresses.mapMemory(0, (long) pages << 12, 0);
    for (int page = 0; page < pages; page++) {
      large.markWritten(page);
    }
    FrozenMemory frozen = addresses.freeze();
    CompletableFuture<Void> guest =
        CompletableFuture.runAsync(
            () -> {
              for (int page = 0; page < pages; page++) {
                addresses.write((long) page << 12, 1, 1);
              }
            });
    Thread.sleep(100);
    frozen.end();
    guest.get(60, TimeUnit.SECONDS);
    assertThat(frozen.take(new byte[4096], 0)).isEqualTo(-1);
  }

  @Test
  void aPageThatIsReplacedByZerosHoldsZeros() {
    memory.write(4096, new byte[] {1, 2, 3}, 0, 3);
    memory.replaced(1, true);
    assertThat(memory.read32(4096)).isZero();
    assertThat(memory.everWritten(1)).isFalse();
    memory.replaced(2, false);
    assertThat(memory.everWritten(2)).isTrue();
  }
}
