package io.satchel.vm.device;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Test;

/** QEMU's description of fw_cfg, as SeaBIOS reads it. */
class FwCfgTests {

  private final TestBoard rig = new TestBoard();
  private final FwCfg fwCfg = new FwCfg(rig.board, TestBoard.RAM, 1);

  private byte[] read(int key, int length) {
    rig.ports.write(0x510, 2, key);
    byte[] bytes = new byte[length];
    for (int i = 0; i < length; i++) {
      bytes[i] = (byte) rig.in(0x511);
    }
    return bytes;
  }

  private static int big(byte[] bytes, int at) {
    return java.nio.ByteBuffer.wrap(bytes).getInt(at);
  }

  /** The key of a file, by the directory. */
  private int find(String name) {
    int count = big(read(0x19, 4), 0);
    byte[] directory = read(0x19, 4 + 64 * count);
    for (int i = 0; i < count; i++) {
      int at = 4 + 64 * i;
      String found = new String(directory, at + 8, 56, StandardCharsets.US_ASCII).trim();
      if (found.replace("\0", "").equals(name)) {
        return big(directory, at + 4) >>> 16;
      }
    }
    return -1;
  }

  private void dma(long descriptor, int control, int length, long address) {
    rig.map.write(descriptor, 4, Integer.reverseBytes(control) & 0xFFFF_FFFFL);
    rig.map.write(descriptor + 4, 4, Integer.reverseBytes(length) & 0xFFFF_FFFFL);
    rig.map.write(descriptor + 8, 8, Long.reverseBytes(address));
    rig.ports.write(0x514, 4, 0);
    rig.ports.write(0x518, 4, Integer.reverseBytes((int) descriptor));
  }

  private int control(long descriptor) {
    return Integer.reverseBytes((int) rig.map.read(descriptor, 4));
  }

  @Test
  void theSignatureAndTheFeatures() {
    assertThat(read(0, 6)).containsExactly('Q', 'E', 'M', 'U', 0, 0);
    assertThat(read(1, 4)).containsExactly(3, 0, 0, 0);
    assertThat(rig.ports.read(0x514, 4)).isEqualTo(Integer.reverseBytes(0x51454D55));
    assertThat(rig.ports.read(0x518, 4)).isEqualTo(Integer.reverseBytes(0x20434647));
  }

  @Test
  void ramSizeAndProcessors() {
    assertThat(read(3, 8)).containsExactly(0, 0, 0x40, 0, 0, 0, 0, 0);
    assertThat(read(5, 2)).containsExactly(1, 0);
    assertThat(read(0x0F, 2)).containsExactly(1, 0);
  }

  @Test
  void filesAreFoundByTheDirectory() {
    fwCfg.memoryMap(
        List.of(new FwCfg.Range(0, 0x9FC00, 1), new FwCfg.Range(0x100000, 0x300000, 1)));
    fwCfg.bootOrder(List.of("/pci@i0cf8/ide@1,1/drive@0/disk@0"));
    fwCfg.file("vgaroms/vgabios.bin", new byte[] {0x55, (byte) 0xAA});
    assertThat(read(find("vgaroms/vgabios.bin"), 2)).containsExactly(0x55, 0xAA);
    byte[] map = read(find("etc/e820"), 40);
    assertThat(map[20 + 2]).isEqualTo((byte) 0x10);
    assertThat(map[16]).isEqualTo((byte) 1);
    assertThat(new String(read(find("bootorder"), 34), StandardCharsets.US_ASCII))
        .isEqualTo("/pci@i0cf8/ide@1,1/drive@0/disk@0\0");
    assertThat(find("no/such/file")).isEqualTo(-1);
  }

  @Test
  void dmaReadsAnItemAndZerosBehindItsEnd() {
    rig.map.write(0x2000, 8, -1);
    dma(0x1000, 1 << 16 | 0x0A, 8, 0x2000);
    assertThat(control(0x1000)).isZero();
    assertThat(rig.map.read(0x2000, 8)).isEqualTo(3);
  }

  @Test
  void dmaSkipsAndGoesOn() {
    dma(0x1000, 0x0008 | 0x0004, 2, 0);
    dma(0x1000, 0x0002, 2, 0x2000);
    assertThat(rig.map.read(0x2000, 2)).isEqualTo('M' | 'U' << 8);
  }

  @Test
  void dmaOutsideRamAndWritesAreErrors() {
    dma(0x1000, 0x0A, -1, 0x2000);
    assertThat(control(0x1000)).isEqualTo(1);
    dma(0x1000, 0x10, 4, 0x2000);
    assertThat(control(0x1000)).isEqualTo(1);
    dma(0x1000, 0x0A, 4, -1L);
    assertThat(control(0x1000)).isEqualTo(1);
  }

  @Test
  void aKernelIsInItsItems() {
    fwCfg.kernel(new byte[1024], new byte[] {9, 8}, "quiet", new byte[] {7}, 0x300000);
    assertThat(read(0x17, 4)).containsExactly(0, 4, 0, 0);
    assertThat(read(0x11, 2)).containsExactly(9, 8);
    assertThat(read(0x15, 6)).containsExactly('q', 'u', 'i', 'e', 't', 0);
    assertThat(read(0x14, 4)).containsExactly(6, 0, 0, 0);
    assertThat(read(0x12, 1)).containsExactly(7);
  }
}
