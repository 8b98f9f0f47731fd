// Data Stages cycles later, in registers that a reset clears: control, and delays too short for
// delay_data.
module delay_line #(
  parameter int unsigned Width = 8,
  parameter int unsigned Stages = 1
) (
  input  logic             clk_i,
  input  logic             clear_i,
  input  logic [Width-1:0] data_i,
  output logic [Width-1:0] data_o
);
  if (Stages == 0) begin : gen_wires
    logic unused;
    assign unused = ^{clk_i, clear_i};
    assign data_o = data_i;
  end else begin : gen_stages
    logic [Width-1:0] data_q [Stages];
    always_ff @(posedge clk_i) begin
      for (int unsigned i = 0; i < Stages; i++) begin
        if (clear_i) data_q[i] <= '0;
        else data_q[i] <= i == 0 ? data_i : data_q[i-1];
      end
    end
    assign data_o = data_q[Stages-1];
  end
endmodule
