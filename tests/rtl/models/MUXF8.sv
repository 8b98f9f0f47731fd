// Simulation model of the multiplexer that takes two MUXF7.
module MUXF8 (
  input  logic I0, I1, S,
  output logic O
);
  assign O = S ? I1 : I0;
endmodule
