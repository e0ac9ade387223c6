package io.satchel.app.launch;

import io.satchel.app.common.AppSettings;
import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;

/** Every walk of the class is done in English and in Chinese. */
@Target(ElementType.TYPE)
@Retention(RetentionPolicy.RUNTIME)
@ParameterizedClass(name = "{0}")
@EnumSource(
    value = AppSettings.Language.class,
    names = {"ENGLISH", "CHINESE"})
@interface InBothLanguages {}
