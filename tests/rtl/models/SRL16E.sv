// Simulation model of a LUT as a shift register of 16 bits, one of which is read. It starts with zeros.
module SRL16E (
  input  logic CLK, CE, D, A0, A1, A2, A3,
  output logic Q
);
  logic [15:0] bits_q = '0;
  always_ff @(posedge CLK) begin
    if (CE) bits_q <= {bits_q[14:0], D};
  end
  assign Q = bits_q[{A3, A2, A1, A0}];
endmodule
