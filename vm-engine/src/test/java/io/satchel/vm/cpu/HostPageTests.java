package io.satchel.vm.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class HostPageTests {

  @Test
  void codeRunsNativelyWithItsArgumentsAndMemory() {
    try (HostPage page = HostPage.open(4096)) {
      // lea rax,[rdi+rsi]; mov [rip+0xF5],rax; ret
      page.write(0, hex("488D0437 488905F5000000 C3"));
      assertThat(page.call(0, 40L, 2L)).isEqualTo(42);
      assertThat(page.readLong(0x100)).isEqualTo(42);
      assertThat(page.address()).isBetween(0x1000L, 0x7FFF_F000L);
    }
  }

  private static byte[] hex(String text) {
    return java.util.HexFormat.of().parseHex(text.replace(" ", ""));
  }
}
