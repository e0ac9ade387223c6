package io.satchel.app.preset;

import static org.assertj.core.api.Assertions.assertThat;

import io.satchel.app.library.MachineFile;
import io.satchel.app.wizard.CreateWizard;
import io.satchel.resources.Texts;
import java.util.HashSet;
import java.util.Locale;
import org.junit.jupiter.api.Test;

/** What every preset promises. */
class PresetsTest {

  private final Presets presets = Presets.load();

  @Test
  void everyPresetSuitsTheMachineAndSpeaksBothLanguages() {
    assertThat(presets.all()).hasSizeGreaterThan(15);
    assertThat(new HashSet<>(presets.all().stream().map(Preset::id).toList()))
        .hasSameSizeAs(presets.all());
    for (Preset preset : presets.all()) {
      assertThat(preset.memoryMib())
          .as(preset.id())
          .isBetween(1, Math.min(preset.memoryMaxMib(), MachineFile.MAX_MEMORY_MIB));
      assertThat(CreateWizard.PROCESSORS).as(preset.id()).contains(preset.processor());
      assertThat(preset.diskGb()).as(preset.id()).isBetween(0.1, preset.diskMaxGb());
      assertThat(preset.bootOrder()).as(preset.id()).hasSize(3).doesNotHaveDuplicates();
      for (String language : new String[] {"en", "zh"}) {
        assertThat(preset.name()).as(preset.id()).containsKey(language);
        assertThat(preset.advice().get(language)).as(preset.id()).isNotBlank();
      }
    }
  }

  @Test
  void anUnknownIdGetsTheMiddleOfTheRoad() {
    assertThat(presets.orUnknown("no-such-system").id()).isEqualTo(Presets.UNKNOWN);
    assertThat(presets.orUnknown(null).id()).isEqualTo(Presets.UNKNOWN);
    assertThat(presets.orUnknown("windows-98").title(new Texts(Locale.ENGLISH)))
        .isEqualTo("Windows 98");
  }
}
