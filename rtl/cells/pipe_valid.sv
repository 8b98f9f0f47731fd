// Delays data and its valid bit by Stages cycles in which en_i is high; en_i low holds everything.
module pipe_valid #(
  parameter int unsigned Width = 32,
  parameter int unsigned Stages = 1
) (
  input  logic             clk_i,
  input  logic             rst_ni,
  input  logic             en_i,
  input  logic             valid_i,
  input  logic [Width-1:0] data_i,
  output logic             valid_o,
  output logic [Width-1:0] data_o
);
  if (Stages == 0) begin : gen_wires
    logic unused;
    assign unused = rst_ni;
    assign valid_o = valid_i;
  end else begin : gen_stages
    logic [Stages-1:0] valid_q;
    assign valid_o = valid_q[Stages-1];
    always_ff @(posedge clk_i) begin
      if (!rst_ni) valid_q <= '0;
      else if (en_i) valid_q <= Stages'({valid_q, valid_i});
    end
  end
  delay_data #(.Width(Width), .Stages(Stages)) u_data (.clk_i, .en_i, .data_i, .data_o);
endmodule
